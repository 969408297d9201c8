using System.Collections.Frozen;
using Grpc.Core;
using GrpcPresence.Server.Grpc.Pipeline;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Security.Quotas;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Rest.Http;

/// <summary>
/// The methods of gRPC for callers inside this process: with the same guards as from outside, so that REST has neither rules nor quotas of its own. Their
/// errors come as they are thrown. Safe from any thread.
/// </summary>
internal sealed class GuardedMethods
{
    private readonly FrozenDictionary<Type, (string Path, Delegate Handler)> _byRequest;

    /// <summary>Binds the services.</summary>
    public GuardedMethods(
        ConfigurationGrpcService configuration,
        UserGrpcService users,
        WatchUsersHandler watch,
        PreHook hook,
        Authorizer gate,
        CallQuotas quotas,
        OpenCalls calls)
    {
        var methods = new Collector();
        var guard = new AccessBinder(methods, gate, quotas, calls);
        V1.ConfigurationService.BindService(guard, configuration);
        V1.UserService.BindService(new UserServiceBinder(new PreHookBinder(guard, hook), watch), users);
        _byRequest = methods.ByRequest.ToFrozenDictionary();
    }

    /// <summary>Calls the unary method whose request this is.</summary>
    public Task<TResponse> CallAsync<TRequest, TResponse>(TRequest request, HttpContext http)
        where TRequest : class
        where TResponse : class
    {
        var (path, handler) = _byRequest[typeof(TRequest)];
        return ((UnaryServerMethod<TRequest, TResponse>)handler)(request, new RestRequestContext(http, path));
    }

    /// <summary>Opens a watch, whose messages go to <paramref name="output"/>; returns when it ends without an error.</summary>
    public Task WatchAsync(V1.WatchUsersRequest request, IServerStreamWriter<WatchFrame> output, HttpContext http)
    {
        var (path, handler) = _byRequest[typeof(V1.WatchUsersRequest)];
        return ((ServerStreamingServerMethod<V1.WatchUsersRequest, WatchFrame>)handler)(request, output, new RestRequestContext(http, path));
    }

    /// <summary>Each request type belongs to one method.</summary>
    private sealed class Collector : ServiceBinderBase
    {
        public Dictionary<Type, (string Path, Delegate Handler)> ByRequest { get; } = [];

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
            ByRequest.Add(typeof(TRequest), (method.FullName, handler!));

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
            ByRequest.Add(typeof(TRequest), (method.FullName, handler!));

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler)
        {
            // HTTP/1.1 has no such calls.
        }
    }
}
