using Grpc.Core;
using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Security;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>Waits for a change as long as its caller does. A change whose caller has gone away is still written.</summary>
internal static class Submission
{
    /// <summary>Queues the change and returns when it is committed and published.</summary>
    public static Task<TResult> SubmitAsync<TResult>(this CommandQueue queue, Command<TResult> change, ServerCallContext context) =>
        queue.SubmitAsync(change).WaitAsync(context.CancellationToken);

    /// <summary>
    /// The same, for an administrative act: it is refused when the caller's API key was revoked before it is decided, and <paramref name="audit"/> is
    /// called when it is committed, whatever its caller was told.
    /// </summary>
    public static Task<TResult> SubmitAsync<TResult>(
        this CommandQueue queue, Command<TResult> change, ServerCallContext context, Action<TResult> audit)
    {
        change.Actor = CallScope.Of(context.GetHttpContext()).Caller.ApiKey;
        change.Committed = audit;
        return queue.SubmitAsync(change, context);
    }
}
