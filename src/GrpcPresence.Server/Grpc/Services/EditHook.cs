using Grpc.Core;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Server.Grpc.Pipeline;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>
/// Asks the pre-event webhook before a user is edited, where the call enters the deployment. Only REST has pre-event webhooks, as Twilio
/// Conversations does.
/// </summary>
internal sealed class EditHook(PreHook preHook, TimeProvider time)
{
    /// <summary>Returns when the edit may proceed.</summary>
    /// <exception cref="Core.Domain.Errors.PresenceException">See <see cref="PreHook"/>.</exception>
    public async ValueTask AskAsync(UpdateUser change, ServerCallContext context)
    {
        if (context is not LocalCallContext || change.SkipsWebhooks)
            return;
        await preHook.AskAsync(change.Service, change.Key, change.Edit, context.CancellationToken);
        // The back end may take seconds to answer, and lengthen the time of credentials that end meanwhile.
        if (CallScope.Of(context.GetHttpContext()).Caller.FindInvalidationReason(time.GetUtcNow()) is { } reason)
            throw reason;
    }

    /// <summary>Does the same for a request that is about to be forwarded; does nothing for requests of other methods.</summary>
    /// <exception cref="Core.Domain.Errors.PresenceException">The request is invalid. Also see <see cref="PreHook"/>.</exception>
    public ValueTask AskAsync<TRequest>(TRequest request, ServerCallContext context) =>
        context is LocalCallContext && request is V1.UpdateUserRequest edit ? AskAsync(edit.ToChange(), context) : default;
}
