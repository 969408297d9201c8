namespace Grpc.Core.Interceptors;

/// <summary>Gives every call a host name, unless it has one.</summary>
internal sealed class HostInterceptor(string host) : ClientContextInterceptor
{
    protected override ClientInterceptorContext<TRequest, TResponse> Change<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context)
        => context.Host is null ? new ClientInterceptorContext<TRequest, TResponse>(context.Method, host, context.Options) : context;
}
