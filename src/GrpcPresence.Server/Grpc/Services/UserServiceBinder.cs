using Grpc.Core;
using GrpcPresence.Server.Grpc.Wire;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>
/// Binds <c>UserService</c> as generated, but for the one method that sends frames: the wire is the same, only who encodes differs.
/// </summary>
internal sealed class UserServiceBinder(ServiceBinderBase next, WatchUsersHandler watch) : ServiceBinderBase
{
    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
        next.AddMethod(method, handler!);

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
        next.AddMethod(method, handler!);

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
    {
        if (method is Method<V1.WatchUsersRequest, V1.WatchUsersResponse> { RequestMarshaller: var requests })
        {
            next.AddMethod(
                new Method<V1.WatchUsersRequest, WatchFrame>(method.Type, method.ServiceName, method.Name, requests, WatchFrame.Marshaller),
                watch.WatchUsers);
        }
        else
        {
            next.AddMethod(method, handler!);
        }
    }
}
