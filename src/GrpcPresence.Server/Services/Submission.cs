using Grpc.Core;
using GrpcPresence.Core.Changes;

namespace GrpcPresence.Server.Services;

/// <summary>Waits for a change as long as its caller does. A change whose caller has gone away is still written.</summary>
internal static class Submission
{
    /// <summary>Queues the change and returns when it is committed and published.</summary>
    public static Task<TResult> SubmitAsync<TResult>(this ChangeQueue queue, RequestedChange<TResult> change, ServerCallContext context) =>
        queue.SubmitAsync(change).WaitAsync(context.CancellationToken);

    /// <summary>The same, for an administrative act: <paramref name="audit"/> is called when it is committed, also when its caller has gone away.</summary>
    public static Task<TResult> SubmitAsync<TResult>(
        this ChangeQueue queue, RequestedChange<TResult> change, ServerCallContext context, Action<TResult> audit)
    {
        return CommitAsync().WaitAsync(context.CancellationToken);

        async Task<TResult> CommitAsync()
        {
            var result = await queue.SubmitAsync(change);
            audit(result);
            return result;
        }
    }
}
