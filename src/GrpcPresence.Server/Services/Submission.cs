using Grpc.Core;
using GrpcPresence.Core.Changes;

namespace GrpcPresence.Server.Services;

/// <summary>Waits for a change as long as its caller does. A change whose caller has gone away is still written.</summary>
internal static class Submission
{
    /// <summary>Queues the change and returns when it is committed and published.</summary>
    public static Task<TResult> SubmitAsync<TResult>(this ChangeQueue queue, RequestedChange<TResult> change, ServerCallContext context) =>
        queue.SubmitAsync(change).WaitAsync(context.CancellationToken);
}
