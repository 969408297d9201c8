using Google.Protobuf;
using Grpc.Core;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Security.Quotas;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Streams.Requests;

namespace GrpcPresence.Server.Grpc.Pipeline;

/// <summary>
/// What happens around every call, in this order:
/// <list type="number">
/// <item>Authenticate: <see cref="CallEndpoint"/> checks the headers before anything reads the body. REST does so before it
/// reads a form.</item>
/// <item>Decode: <see cref="DecodeGuard"/> rejects a message that cannot be decoded. Then gRPC calls the method.</item>
/// <item>Authorize: the row of the method in <see cref="AuthorizationTable"/> decides.</item>
/// <item>Charge: the quotas of the service instance and of the caller.</item>
/// <item>Forward, in a cluster: <see cref="Forwarding.CallForwarder"/> takes the place of the handlers of methods that have an owner, and
/// the owner runs the handler.</item>
/// <item>Handle. Over REST, <c>UpdateUser</c> asks the pre-hook once it has parsed the request: only callers that may edit have a back
/// end called.</item>
/// <item>Hold: the response of a read counts against the same quotas until its client has read it.</item>
/// <item>Errors: <see cref="ErrorMapper"/> turns what was thrown into a status. A local call throws it as it is; REST writes its own
/// errors.</item>
/// </list>
/// The steps are not interceptors. gRPC resolves an interceptor from a scope of services, which it creates for every call that has one.
/// Without that scope, and with two other changes, an empty call went from 1.42 to 1.20 times the cost of one without steps; the
/// measurement of the scope alone is in docs/adr/0008-call-pipeline.md. Most unary calls wait for nothing: they return the handler's task
/// without a state machine. Safe from any thread.
/// </summary>
internal sealed class MethodPipeline(
    Authorizer authorizer,
    CallQuotas quotas,
    UnreadResponses unread,
    ActiveStreams streams,
    ErrorMapper errors,
    ServerSettings settings,
    TimeProvider time)
{
    /// <summary>Runs a unary call.</summary>
    public Task<TResponse> RunUnaryAsync<TRequest, TResponse>(
        AccessRule<TRequest> rule, UnaryServerMethod<TRequest, TResponse> handler, TRequest request, ServerCallContext context)
        where TRequest : class
        where TResponse : class
    {
        try
        {
            var admission = AdmitAsync(rule, request, context);
            var call = admission.IsCompletedSuccessfully
                ? handler(request, context)
                : AdmitThenCallAsync(admission, handler, request, context);
            if (rule.Cost == CallCost.Read)
                call = HoldAsync(call, context);
            return call.IsCompletedSuccessfully ? call : MapErrorsAsync(call, context);
        }
        catch (Exception exception) when (context is not LocalCallContext)
        {
            throw errors.Map(exception, context);
        }

        static async Task<TResponse> AdmitThenCallAsync(
            ValueTask admission, UnaryServerMethod<TRequest, TResponse> handler, TRequest request, ServerCallContext context)
        {
            await admission;
            return await handler(request, context);
        }
    }

    /// <summary>Runs a server stream. Unless something waits first, its request is not kept for as long as the stream lasts.</summary>
    public Task RunServerStreamAsync<TRequest, TResponse>(
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
            var admission = AdmitAsync(rule, request, context);
            return MapErrorsAsync(
                admission.IsCompletedSuccessfully
                    ? handler(request, rule.IsPublic ? LimitStalls(responses, context) : responses, context)
                    : AdmitThenStreamAsync(admission, handler, request, responses, context),
                context);
        }
        catch (Exception exception) when (context is not LocalCallContext)
        {
            throw errors.Map(exception, context);
        }

        static async Task AdmitThenStreamAsync(
            ValueTask admission,
            ServerStreamingServerMethod<TRequest, TResponse> handler,
            TRequest request,
            IServerStreamWriter<TResponse> responses,
            ServerCallContext context)
        {
            await admission;
            await handler(request, responses, context);
        }
    }

    /// <summary>Runs a duplex stream. Each of its messages is authorized, and the handler charges what they cost.</summary>
    public async Task RunDuplexAsync<TRequest, TResponse>(
        AccessRule<TRequest> rule,
        DuplexStreamingServerMethod<TRequest, TResponse> handler,
        IAsyncStreamReader<TRequest> requests,
        IServerStreamWriter<TResponse> responses,
        ServerCallContext context)
        where TRequest : class
        where TResponse : class
    {
        try
        {
            if (rule.IsPublic)
            {
                await handler(new PublicStreamReader<TRequest>(requests, time), LimitStalls(responses, context), context);
                return;
            }
            var scope = CallScope.Of(context.GetHttpContext());
            Authorizer.RequireRole(scope.Caller, rule);
            await quotas.ChargeStreamAsync(scope.Caller, context.CancellationToken);
            var authorized = new AuthorizedStreamReader<TRequest>(requests, authorizer, rule, scope);
            using var open = streams.EndWith(scope.Caller, context.GetHttpContext(), authorized.End);
            await handler(authorized, LimitStalls(responses, context), context);
        }
        catch (Exception exception)
        {
            throw errors.Map(exception, context);
        }
    }

    private StallLimitedWriter<TResponse> LimitStalls<TResponse>(IServerStreamWriter<TResponse> responses, ServerCallContext context) =>
        new(responses, context.GetHttpContext(), settings.WatchStallTimeout, time);

    /// <summary>Authorizes and charges a call with one request.</summary>
    private ValueTask AdmitAsync<TRequest>(AccessRule<TRequest> rule, TRequest request, ServerCallContext context)
    {
        if (rule.IsPublic)
            return default;
        var scope = CallScope.Of(context.GetHttpContext());
        if (scope.HasWaited && scope.Caller.FindInvalidationReason(time.GetUtcNow()) is { } reason)
            throw reason;
        scope.Read(rule, request);
        Authorizer.RequireRole(scope.Caller, rule);
        var authorization = authorizer.AuthorizeAsync(scope, rule, request, context.CancellationToken);
        return authorization.IsCompletedSuccessfully
            ? quotas.ChargeAsync(rule.Cost, scope, context.CancellationToken)
            : AuthorizeThenChargeAsync(authorization, quotas, rule.Cost, scope, context.CancellationToken);

        static async ValueTask AuthorizeThenChargeAsync(
            ValueTask authorization, CallQuotas quotas, CallCost cost, CallScope scope, CancellationToken cancellationToken)
        {
            await authorization;
            await quotas.ChargeAsync(cost, scope, cancellationToken);
        }
    }

    private async Task<TResponse> HoldAsync<TResponse>(Task<TResponse> call, ServerCallContext context)
    {
        var response = await call;
        unread.Hold((IMessage)response!, context.GetHttpContext());
        return response;
    }

    private async Task<TResponse> MapErrorsAsync<TResponse>(Task<TResponse> call, ServerCallContext context)
    {
        await MapErrorsAsync((Task)call, context);
        return await call;
    }

    private async Task MapErrorsAsync(Task call, ServerCallContext context)
    {
        try
        {
            await call;
        }
        catch (Exception exception) when (context is not LocalCallContext)
        {
            throw errors.Map(exception, context);
        }
    }
}
