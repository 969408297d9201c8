using Grpc.Core;
using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Security;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>
/// Waits for a command for as long as its caller waits. If the caller disconnects, the command is still written. It is rejected if the
/// caller's API key was revoked before the decision.
/// </summary>
internal static class Submission
{
    /// <summary>Queues the command and returns when it is committed and published.</summary>
    public static Task<TResult> SubmitAsync<TResult>(this CommandQueue queue, Command<TResult> change, ServerCallContext context)
    {
        change.Actor = CallScope.Of(context.GetHttpContext()).Caller.ApiKey;
        return queue.SubmitAsync(change).WaitAsync(context.CancellationToken);
    }

    /// <summary>
    /// Does the same for an administrative act. Calls <paramref name="audit"/> on commit, even if the caller did not receive the result.
    /// </summary>
    public static Task<TResult> SubmitAsync<TResult>(
        this CommandQueue queue, Command<TResult> change, ServerCallContext context, Action<TResult> audit)
    {
        change.Committed = audit;
        return queue.SubmitAsync(change, context);
    }
}
