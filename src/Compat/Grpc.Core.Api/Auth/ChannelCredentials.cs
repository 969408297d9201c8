namespace Grpc.Core;

/// <summary>Secures a channel, and may authenticate all its calls.</summary>
public abstract class ChannelCredentials
{
    /// <summary>No security. Calls go in the clear.</summary>
    public static ChannelCredentials Insecure { get; } = new InsecureCredentials();

    /// <summary>TLS with the system's trusted roots and no client certificate.</summary>
    public static ChannelCredentials SecureSsl { get; } = new SslCredentials();

    internal virtual bool IsComposable => false;

    /// <summary>Credentials that secure the channel and authenticate each of its calls.</summary>
    /// <param name="channelCredentials">Secures the channel; cannot be <see cref="Insecure"/> nor itself composed.</param>
    /// <param name="callCredentials">Authenticates the calls.</param>
    /// <exception cref="ArgumentException">The channel credentials cannot be composed.</exception>
    public static ChannelCredentials Create(ChannelCredentials channelCredentials, CallCredentials callCredentials) =>
        new CompositeChannelCredentials(channelCredentials, callCredentials);

    /// <summary>Tells a channel implementation what these credentials are. Not for use by applications.</summary>
    /// <param name="configurator">Is told.</param>
    /// <param name="state">What the configurator is given back.</param>
    public abstract void InternalPopulateConfiguration(ChannelCredentialsConfiguratorBase configurator, object? state);
}
