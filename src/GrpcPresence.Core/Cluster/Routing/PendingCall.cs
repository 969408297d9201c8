using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Routing;

/// <summary>A call of this ingress without a result. Guarded by the lock of the router.</summary>
/// <param name="item">The call.</param>
/// <param name="since">The time of the clock of this node at which the client has made it.</param>
/// <param name="spendRows">Charges the rows that the owner has read; null if the call reads none.</param>
internal sealed class PendingCall(CallItem item, TimeSpan since, Action<int>? spendRows)
{
    private readonly TaskCompletionSource<ReadOnlyMemory<byte>> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The call.</summary>
    public CallItem Item => item;

    /// <summary>The time of the clock of this node at which the client has made it.</summary>
    public TimeSpan Since => since;

    /// <summary>The time of the clock of this node at which it fails.</summary>
    public TimeSpan Deadline => since + Limits.ForwardedCall;

    /// <summary>The node to which it was sent; null while it waits for an owner.</summary>
    public NodeId? SentTo { get; set; }

    /// <summary>The time at which it fails if it waits for an owner; null if it has not waited yet.</summary>
    public TimeSpan? WaitsUntil { get; set; }

    /// <summary>The result for the client.</summary>
    public Task<ReadOnlyMemory<byte>> Completion => _completion.Task;

    /// <summary>Charges the rows that were read, and gives the client the response. To be called once, without the lock.</summary>
    public void Complete(CallResponse response)
    {
        if (response.RowsRead > 0)
            spendRows?.Invoke(response.RowsRead);
        _completion.TrySetResult(response.Body);
    }

    /// <summary>Gives the client the error.</summary>
    public void Fail(Exception error)
    {
        _completion.TrySetException(error);
        _ = _completion.Task.Exception; // observed: the client may be gone
    }
}
