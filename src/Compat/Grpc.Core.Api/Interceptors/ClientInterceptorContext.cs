namespace Grpc.Core.Interceptors;

/// <summary>A client's call before it starts, as its interceptors pass it on.</summary>
/// <param name="method">The method.</param>
/// <param name="host">The host name to send instead of the channel's; null for the channel's.</param>
/// <param name="options">The call's options.</param>
/// <typeparam name="TRequest">The request message.</typeparam>
/// <typeparam name="TResponse">The response message.</typeparam>
public readonly struct ClientInterceptorContext<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options)
    where TRequest : class
    where TResponse : class
{
    /// <summary>The method.</summary>
    public Method<TRequest, TResponse> Method { get; } = method;

    /// <summary>The host name to send instead of the channel's; null for the channel's.</summary>
    public string? Host { get; } = host;

    /// <summary>The call's options.</summary>
    public CallOptions Options { get; } = options;
}
