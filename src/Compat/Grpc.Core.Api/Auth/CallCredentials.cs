namespace Grpc.Core;

/// <summary>Authenticates single calls, with headers.</summary>
public abstract class CallCredentials
{
    /// <summary>Credentials that are all of the given ones, applied in order.</summary>
    /// <param name="credentials">Two or more.</param>
    public static CallCredentials Compose(params CallCredentials[] credentials) => new CompositeCallCredentials(credentials);

    /// <summary>Credentials made by a function for every call.</summary>
    /// <param name="interceptor">Adds the headers.</param>
    public static CallCredentials FromInterceptor(AsyncAuthInterceptor interceptor) => new AsyncAuthInterceptorCredentials(interceptor);

    /// <summary>Tells a channel implementation what these credentials are. Not for use by applications.</summary>
    /// <param name="configurator">Is told.</param>
    /// <param name="state">What the configurator is given back.</param>
    public abstract void InternalPopulateConfiguration(CallCredentialsConfiguratorBase configurator, object? state);
}
