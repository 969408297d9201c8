using Grpc.Core;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Grpc.Pipeline;

/// <summary>
/// Binds every method as it is, but for the edit of a user that webhooks are told of: the back end is asked before. It stands inside the guards, so that only
/// who may make the edit, and within its quotas, has anybody asked.
/// </summary>
internal sealed class PreHookBinder(ServiceBinderBase next, PreHook hook) : ServiceBinderBase
{
    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
    {
        if (handler is UnaryServerMethod<V1.UpdateUserRequest, V1.UpdateUserResponse> update)
            handler = Asking(update) as UnaryServerMethod<TRequest, TResponse>;
        next.AddMethod(method, handler!);
    }

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) => next.AddMethod(method, handler!);

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) => next.AddMethod(method, handler!);

    private UnaryServerMethod<V1.UpdateUserRequest, V1.UpdateUserResponse> Asking(UnaryServerMethod<V1.UpdateUserRequest, V1.UpdateUserResponse> update) =>
        async (request, context) =>
        {
            if (!request.SkipWebhooks)
            {
                var change = request.ToChange();
                await hook.AskAsync(change.Service, change.Key, change.Edit, context.CancellationToken);
            }
            return await update(request, context);
        };
}
