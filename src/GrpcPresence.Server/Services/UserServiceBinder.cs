using Grpc.Core;
using GrpcPresence.Server.Mapping;

namespace GrpcPresence.Server.Services;

/// <summary>
/// Binds <c>UserService</c> as generated, but for the one method that sends frames: the wire is the same, only who encodes differs.
/// </summary>
internal sealed class UserServiceBinder(ServerServiceDefinition.Builder definition, WatchUsersHandler watch) : ServiceBinderBase
{
    /// <summary>The definition to map.</summary>
    public static ServerServiceDefinition Bind(UserGrpcService service, WatchUsersHandler watch)
    {
        var definition = ServerServiceDefinition.CreateBuilder();
        V1.UserService.BindService(new UserServiceBinder(definition, watch), service);
        return definition.Build();
    }

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
        definition.AddMethod(method, handler!);

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
        definition.AddMethod(method, handler!);

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
    {
        if (method is Method<V1.WatchUsersRequest, V1.WatchUsersResponse> typed)
        {
            definition.AddMethod(
                new Method<V1.WatchUsersRequest, WatchFrame>(typed.Type, typed.ServiceName, typed.Name, typed.RequestMarshaller, WatchFrame.Marshaller),
                watch.WatchUsers);
        }
        else
        {
            definition.AddMethod(method, handler!);
        }
    }
}
