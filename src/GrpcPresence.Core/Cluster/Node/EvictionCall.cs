using GrpcPresence.Core.Cluster.Confirmation;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Asks the store for the evictions that are due, one after the other. Used only by the loop of the node.
/// </summary>
/// <param name="parts">The parts of the node.</param>
/// <param name="calls">Creates the call of the store.</param>
/// <param name="answered">Takes each eviction that the store has answered, and why it has not evicted the node; null if it has.</param>
internal sealed class EvictionCall(NodeParts parts, StoreCalls calls, Action<Eviction, EvictionRefusal?> answered)
{
    private readonly StoreCall<Eviction, bool> _call = calls.Create<Eviction, bool>(StoreCallKind.Eviction);

    /// <summary>Takes the answer of the store, and begins the next eviction.</summary>
    public void Step()
    {
        if (_call.TryTake(out var done, out var isEvicted, out var error))
        {
            parts.Confirmation.CompleteEviction(done, isOver: error is null && isEvicted);
            answered(done, error is not null ? EvictionRefusal.Failed : isEvicted ? null : EvictionRefusal.Condition);
        }
        if (!_call.MayBegin || !parts.Confirmation.TryTakeEviction(parts.Clock.Now, out var eviction))
            return;
        _call.Begin(eviction, parts.Store.EvictAsync(eviction.Node, eviction.Data, eviction.Renewal, CancellationToken.None));
    }
}
