using Grpc.Core;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Security.Quotas;
using GrpcPresence.Server.Streams;

namespace GrpcPresence.Server.Grpc.Pipeline;

/// <summary>
/// Binds every method so that only those are served whom its row in the table of authorization lets in, within their quotas. A method without a row is not
/// bound.
/// </summary>
internal sealed class AccessBinder(ServiceBinderBase next, Authorizer gate, CallQuotas quotas, OpenCalls calls) : ServiceBinderBase
{
    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
    {
        var rule = AuthorizationTable.Get<TRequest>(method.FullName);
        next.AddMethod(method, Handle);

        Task<TResponse> Handle(TRequest request, ServerCallContext context)
        {
            var admission = AdmitAsync(rule, request, context);
            return admission.IsCompletedSuccessfully ? handler!(request, context) : HandleAsync(admission, request, context);
        }

        async Task<TResponse> HandleAsync(ValueTask admission, TRequest request, ServerCallContext context)
        {
            await admission;
            return await handler!(request, context);
        }
    }

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
    {
        var rule = AuthorizationTable.Get<TRequest>(method.FullName);
        next.AddMethod(method, Handle);

        // The request is not kept for as long as the stream lasts.
        Task Handle(TRequest request, IServerStreamWriter<TResponse> responses, ServerCallContext context)
        {
            if (rule.IsPublic)
                return HandlePublicAsync(request, responses, context);
            var admission = AdmitAsync(rule, request, context);
            return admission.IsCompletedSuccessfully ? handler!(request, responses, context) : HandleAsync(admission, request, responses, context);
        }

        async Task HandleAsync(ValueTask admission, TRequest request, IServerStreamWriter<TResponse> responses, ServerCallContext context)
        {
            await admission;
            await handler!(request, responses, context);
        }

        async Task HandlePublicAsync(TRequest request, IServerStreamWriter<TResponse> responses, ServerCallContext context)
        {
            using var place = quotas.OpenPublicStream();
            await handler!(request, responses, context);
        }
    }

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler)
    {
        var rule = AuthorizationTable.Get<TRequest>(method.FullName);
        next.AddMethod(method, HandleAsync);

        async Task HandleAsync(IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context)
        {
            if (rule.IsPublic)
            {
                using var place = quotas.OpenPublicStream();
                await handler!(requests, responses, context);
                return;
            }
            var caller = await gate.EnterAsync(rule, context);
            await quotas.ChargeStreamAsync(caller, context.CancellationToken);
            var guarded = new AuthorizedStreamReader<TRequest>(requests, gate, rule, caller);
            using var open = calls.Open(caller, context.GetHttpContext(), guarded.End);
            await handler!(guarded, responses, context);
        }
    }

    private ValueTask AdmitAsync<TRequest>(AccessRule<TRequest> rule, TRequest request, ServerCallContext context)
    {
        if (rule.IsPublic)
            return default;
        var entering = gate.EnterAsync(rule, context);
        if (!entering.IsCompletedSuccessfully)
            return AdmitAsync(entering, rule, request, context);
        var caller = entering.Result;
        // Most callers are let in without waiting for anything: then no state is kept for it.
        var authorizing = gate.AuthorizeAsync(caller, rule, request, context.CancellationToken);
        return authorizing.IsCompletedSuccessfully ? ChargeAsync(caller, rule, request, context) : AdmitAsync(new(caller), rule, request, context, authorizing);
    }

    private async ValueTask AdmitAsync<TRequest>(
        ValueTask<Caller> entering, AccessRule<TRequest> rule, TRequest request, ServerCallContext context, ValueTask? authorizing = null)
    {
        var caller = await entering;
        await (authorizing ?? gate.AuthorizeAsync(caller, rule, request, context.CancellationToken));
        await ChargeAsync(caller, rule, request, context);
    }

    private ValueTask ChargeAsync<TRequest>(Caller caller, AccessRule<TRequest> rule, TRequest request, ServerCallContext context) =>
        rule.Cost == CallCost.Free ? default : quotas.ChargeAsync(rule.Cost, caller, rule.Service?.Invoke(request), context.CancellationToken);
}
