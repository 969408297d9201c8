using Grpc.Core;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Security.Quotas;
using GrpcPresence.Server.Streams;

namespace GrpcPresence.Server.Grpc.Pipeline;

/// <summary>
/// What happens around every call, in this order:
/// <list type="number">
/// <item>Authenticate: <see cref="CredentialsMiddleware"/> checks the headers before anything reads the body. REST does it before it reads a form.</item>
/// <item>Decode: <see cref="DecodeGuard"/> rejects a message that cannot be decoded. gRPC then calls the method.</item>
/// <item>Authorize: the row of the method in <see cref="AuthorizationTable"/> decides.</item>
/// <item>Charge: the quotas of the service instance and of the caller.</item>
/// <item>Handle. <c>UpdateUser</c> first asks the pre-hook, once it has parsed the request: nobody else may have a back end called.</item>
/// <item>Errors: <see cref="ErrorMapper"/> makes a status of whatever was thrown. REST writes its own.</item>
/// </list>
/// These are no interceptors: gRPC resolves an interceptor from a scope of services, which it creates for each call that has one. That and two other
/// changes took an empty call from 1.42 to 1.20 times the cost of one without steps; docs/adr/0008-call-pipeline.md has the measurement of each.
/// Most unary calls wait for nothing: then a method here returns the handler's own task, without a state machine. Safe from any thread.
/// </summary>
internal sealed class MethodPipeline(Authorizer authorizer, CallQuotas quotas, ActiveStreams streams, ErrorMapper errors)
{
    /// <summary>Runs a unary call of gRPC.</summary>
    public Task<TResponse> ServeAsync<TRequest, TResponse>(
        AccessRule<TRequest> rule, UnaryServerMethod<TRequest, TResponse> handler, TRequest request, ServerCallContext context)
        where TRequest : class
        where TResponse : class
    {
        try
        {
            var call = RunAsync(rule, handler, request, context);
            return call.IsCompletedSuccessfully ? call : MapErrorsAsync(call, context);
        }
        catch (Exception exception)
        {
            throw errors.Map(exception, context);
        }
    }

    /// <summary>Runs a server stream of gRPC.</summary>
    public Task ServeAsync<TRequest, TResponse>(
        AccessRule<TRequest> rule,
        ServerStreamingServerMethod<TRequest, TResponse> handler,
        TRequest request,
        IServerStreamWriter<TResponse> responses,
        ServerCallContext context)
        where TRequest : class
        where TResponse : class
    {
        try
        {
            return MapErrorsAsync(RunAsync(rule, handler, request, responses, context), context);
        }
        catch (Exception exception)
        {
            throw errors.Map(exception, context);
        }
    }

    /// <summary>Runs a duplex stream of gRPC. Each of its messages is authorized; the handler charges what they cost.</summary>
    public Task ServeAsync<TRequest, TResponse>(
        AccessRule<TRequest> rule,
        DuplexStreamingServerMethod<TRequest, TResponse> handler,
        IAsyncStreamReader<TRequest> requests,
        IServerStreamWriter<TResponse> responses,
        ServerCallContext context)
        where TRequest : class
        where TResponse : class => MapErrorsAsync(RunAsync(rule, handler, requests, responses, context), context);

    /// <summary>Runs a unary call; errors come as they were thrown.</summary>
    public Task<TResponse> RunAsync<TRequest, TResponse>(
        AccessRule<TRequest> rule, UnaryServerMethod<TRequest, TResponse> handler, TRequest request, ServerCallContext context)
        where TRequest : class
        where TResponse : class
    {
        var admission = AdmitAsync(rule, request, context);
        return admission.IsCompletedSuccessfully ? handler(request, context) : WaitAsync(admission, handler, request, context);

        static async Task<TResponse> WaitAsync(
            ValueTask admission, UnaryServerMethod<TRequest, TResponse> handler, TRequest request, ServerCallContext context)
        {
            await admission;
            return await handler(request, context);
        }
    }

    /// <summary>Runs a server stream; errors come as they were thrown.</summary>
    public Task RunAsync<TRequest, TResponse>(
        AccessRule<TRequest> rule,
        ServerStreamingServerMethod<TRequest, TResponse> handler,
        TRequest request,
        IServerStreamWriter<TResponse> responses,
        ServerCallContext context)
        where TRequest : class
        where TResponse : class
    {
        if (rule.IsPublic)
            return RunPublicAsync();
        var admission = AdmitAsync(rule, request, context);
        return admission.IsCompletedSuccessfully ? handler(request, responses, context) : WaitAsync(admission);

        async Task WaitAsync(ValueTask admission)
        {
            await admission;
            await handler(request, responses, context);
        }

        async Task RunPublicAsync()
        {
            using var place = quotas.OpenPublicStream();
            await handler(request, responses, context);
        }
    }

    private async Task RunAsync<TRequest, TResponse>(
        AccessRule<TRequest> rule,
        DuplexStreamingServerMethod<TRequest, TResponse> handler,
        IAsyncStreamReader<TRequest> requests,
        IServerStreamWriter<TResponse> responses,
        ServerCallContext context)
        where TRequest : class
        where TResponse : class
    {
        if (rule.IsPublic)
        {
            using var place = quotas.OpenPublicStream();
            await handler(requests, responses, context);
            return;
        }
        var scope = CallScope.Of(context.GetHttpContext());
        Authorizer.RequireRole(scope.Caller, rule);
        await quotas.ChargeStreamAsync(scope.Caller, context.CancellationToken);
        var authorized = new AuthorizedStreamReader<TRequest>(requests, authorizer, rule, scope);
        using var open = streams.EndWith(scope.Caller, context.GetHttpContext(), authorized.End);
        await handler(authorized, responses, context);
    }

    /// <summary>Authorizes and charges a call with one request.</summary>
    private ValueTask AdmitAsync<TRequest>(AccessRule<TRequest> rule, TRequest request, ServerCallContext context)
    {
        if (rule.IsPublic)
            return default;
        var scope = CallScope.Of(context.GetHttpContext());
        scope.Read(rule, request);
        Authorizer.RequireRole(scope.Caller, rule);
        var authorization = authorizer.AuthorizeAsync(scope, rule, request, context.CancellationToken);
        return authorization.IsCompletedSuccessfully
            ? quotas.ChargeAsync(rule.Cost, scope, context.CancellationToken)
            : WaitAsync(authorization, quotas, rule.Cost, scope, context.CancellationToken);

        static async ValueTask WaitAsync(
            ValueTask authorization, CallQuotas quotas, CallCost cost, CallScope scope, CancellationToken cancellationToken)
        {
            await authorization;
            await quotas.ChargeAsync(cost, scope, cancellationToken);
        }
    }

    private async Task MapErrorsAsync(Task call, ServerCallContext context)
    {
        try
        {
            await call;
        }
        catch (Exception exception)
        {
            throw errors.Map(exception, context);
        }
    }

    private async Task<TResponse> MapErrorsAsync<TResponse>(Task<TResponse> call, ServerCallContext context)
    {
        try
        {
            return await call;
        }
        catch (Exception exception)
        {
            throw errors.Map(exception, context);
        }
    }
}
