using Grpc.Core;
using GrpcPresence.Server.Security.Authorization;

namespace GrpcPresence.Server.Grpc.Pipeline;

/// <summary>
/// The methods for authenticated callers inside this process: REST runs the same pipeline, and has neither rules nor quotas of its own.
/// Errors come as they were thrown. Filled before the server starts; safe from any thread then.
/// </summary>
internal sealed class LocalMethods(MethodPipeline pipeline)
{
    // By the type of the handler: no two methods have the same requests and responses.
    private readonly Dictionary<Type, (AccessRule Rule, Delegate Handler)> _methods = [];

    /// <summary>Adds a method.</summary>
    public void Add(AccessRule rule, Delegate handler) => _methods.Add(handler.GetType(), (rule, handler));

    /// <summary>Calls the unary method with these requests and responses.</summary>
    public Task<TResponse> CallAsync<TRequest, TResponse>(TRequest request, HttpContext http)
        where TRequest : class
        where TResponse : class
    {
        var (rule, handler) = Get<UnaryServerMethod<TRequest, TResponse>, TRequest>();
        return pipeline.RunUnaryAsync(rule, handler, request, new LocalCallContext(http, rule.Method));
    }

    /// <summary>Opens the server stream with these requests and responses; returns when it ends without an error.</summary>
    public Task StreamAsync<TRequest, TResponse>(TRequest request, IServerStreamWriter<TResponse> responses, HttpContext http)
        where TRequest : class
        where TResponse : class
    {
        var (rule, handler) = Get<ServerStreamingServerMethod<TRequest, TResponse>, TRequest>();
        return pipeline.RunServerStreamAsync(rule, handler, request, responses, new LocalCallContext(http, rule.Method));
    }

    private (AccessRule<TRequest> Rule, THandler Handler) Get<THandler, TRequest>()
        where THandler : Delegate
    {
        var (rule, handler) = _methods[typeof(THandler)];
        return ((AccessRule<TRequest>)rule, (THandler)handler);
    }
}
