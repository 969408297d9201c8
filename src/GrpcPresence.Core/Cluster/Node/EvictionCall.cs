using GrpcPresence.Core.Cluster.Confirmation;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Asks the store for the evictions that are due, one after the other. Used only by the loop of the node.
/// </summary>
/// <param name="parts">The parts of the node.</param>
/// <param name="wake">Wakes the loop.</param>
internal sealed class EvictionCall(NodeParts parts, Action wake)
{
    private readonly StoreCall<Eviction, bool> _call = new(parts.Clock, wake);

    /// <summary>Takes the answer of the store, and begins the next eviction.</summary>
    public void Step()
    {
        if (_call.TryTake(out var done, out var isEvicted, out var error))
            parts.Confirmation.CompleteEviction(done, isOver: error is null && isEvicted);
        if (_call.MayBegin && parts.Confirmation.TryTakeEviction(parts.Clock.Now, out var eviction))
        {
            _call.Begin(
                eviction, parts.Store.EvictAsync(eviction.Node, eviction.Data, eviction.Renewal, CancellationToken.None));
        }
    }
}
