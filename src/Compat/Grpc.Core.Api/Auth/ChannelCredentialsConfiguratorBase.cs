namespace Grpc.Core;

/// <summary>How a channel implementation learns what channel credentials are. Not for use by applications.</summary>
public abstract class ChannelCredentialsConfiguratorBase
{
    /// <summary>There is no security.</summary>
    /// <param name="state">What the caller gave.</param>
    public abstract void SetInsecureCredentials(object? state);

    /// <summary>The channel uses TLS.</summary>
    /// <param name="state">What the caller gave.</param>
    /// <param name="rootCertificates">Trusted roots in PEM; null for the system's.</param>
    /// <param name="keyCertificatePair">The client's certificate; null for none.</param>
    /// <param name="verifyPeerCallback">Checks the server as well; null for the usual checks only.</param>
    public abstract void SetSslCredentials(
        object? state,
        string? rootCertificates,
        KeyCertificatePair? keyCertificatePair,
        VerifyPeerCallback? verifyPeerCallback);

    /// <summary>The channel is secured and its calls are authenticated.</summary>
    /// <param name="state">What the caller gave.</param>
    /// <param name="channelCredentials">Secures the channel.</param>
    /// <param name="callCredentials">Authenticates the calls.</param>
    public abstract void SetCompositeCredentials(object? state, ChannelCredentials channelCredentials, CallCredentials callCredentials);
}
