using Grpc.Core;
using GrpcPresence.Server.Grpc.Forwarding;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Security.Authorization;

namespace GrpcPresence.Server.Grpc.Pipeline;

/// <summary>
/// Binds the methods of generated services to the <see cref="MethodPipeline"/>, for gRPC and for callers inside this process. A method
/// without a row in <see cref="AuthorizationTable"/> is not bound, and the server does not start. The forwarder is null in a single node.
/// </summary>
internal sealed class MethodBinder(MethodPipeline pipeline, LocalMethods local, WatchUsersHandler watch, CallForwarder? forwarder)
    : ServiceBinderBase
{
    private readonly ServerServiceDefinition.Builder _definition = ServerServiceDefinition.CreateBuilder();

    /// <summary>The definition of the bound methods.</summary>
    public ServerServiceDefinition Build() => _definition.Build();

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
    {
        var rule = AuthorizationTable.Get<TRequest>(method.FullName);
        // In a cluster, what brings a call to its owner takes the place of its handler. So a single node has no step for it.
        var run = forwarder?.Bind(rule, handler!) ?? handler!;
        local.Add(rule, run);
        _definition.AddMethod(DecodeGuard.Guard(method), (request, context) => pipeline.RunUnaryAsync(rule, run, request, context));
    }

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
    {
        if (method is Method<V1.WatchUsersRequest, V1.WatchUsersResponse> { RequestMarshaller: var requests })
        {
            // Sends frames, not messages: the bytes of a user are encoded once and shared by all watchers. The wire is the same.
            Bind(
                new Method<V1.WatchUsersRequest, WatchFrame>(method.Type, method.ServiceName, method.Name, requests, WatchFrame.Marshaller),
                watch.WatchUsers);
        }
        else
        {
            Bind(method, handler!);
        }
    }

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler)
    {
        var rule = AuthorizationTable.Get<TRequest>(method.FullName);
        _definition.AddMethod(
            DecodeGuard.Guard(method),
            (requests, responses, context) => pipeline.RunDuplexAsync(rule, handler!, requests, responses, context));
    }

    private void Bind<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse> handler)
        where TRequest : class
        where TResponse : class
    {
        var rule = AuthorizationTable.Get<TRequest>(method.FullName);
        local.Add(rule, handler);
        _definition.AddMethod(
            DecodeGuard.Guard(method),
            (request, responses, context) => pipeline.RunServerStreamAsync(rule, handler, request, responses, context));
    }
}
