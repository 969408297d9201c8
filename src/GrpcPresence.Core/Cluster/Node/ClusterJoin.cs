using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Joins the cluster: asks the store until it has added this run to the active nodes. Used only by the loop of the node.
/// </summary>
/// <param name="parts">The parts of the node.</param>
/// <param name="calls">Creates the call of the store.</param>
internal sealed class ClusterJoin(NodeParts parts, StoreCalls calls)
{
    private readonly StoreCall<bool, NodeLease?> _call = calls.Create<bool, NodeLease?>(StoreCallKind.Join);
    private bool _isViewSeen; // whether a view has shown this node
    private bool _hasEarlierRun; // whether the store has shown an active earlier run of the name

    /// <summary>What the node waits for; null once it has joined.</summary>
    public JoinWait? Wait => HasJoined ? null : !_isViewSeen ? JoinWait.View : _hasEarlierRun ? JoinWait.EarlierRun : JoinWait.Store;

    /// <summary>Whether the node has joined.</summary>
    public bool HasJoined { get; private set; }

    /// <summary>
    /// Joins once a view has shown this node, so that a later view without it says that the others do not count on it any more. An earlier
    /// run of the name that is active must be evicted first. To be called until the node has joined. Returns why it never can; null if it
    /// may.
    /// </summary>
    public NodeEnd? Step(ClusterView view)
    {
        var self = parts.View.Self;
        _isViewSeen |= view.Contains(self);
        if (view.Nodes.Any(node => node.Name == self.Name && node.Incarnation > self.Incarnation))
            return new NodeEnd(NodeEndReason.NotInView, $"View {view.Number} contains a later run of this node.");
        if (_call.TryTake(out _, out var earlier, out var error))
        {
            if (error is NodeEvictedException)
                return new NodeEnd(NodeEndReason.JoinRefused, error.Message);
            if (error is null && earlier is null)
            {
                HasJoined = true;
                parts.Confirmation.Begin(parts.Clock.Now);
                return null;
            }
            _hasEarlierRun = earlier is not null;
            if (earlier is not null)
            {
                parts.Confirmation.NoteLeases([earlier], parts.Clock.Now);
                _call.Pause();
            }
        }
        if (_isViewSeen && _call.MayBegin)
            _call.Begin(true, parts.Store.JoinAsync(self, CancellationToken.None));
        return null;
    }
}

/// <summary>What a node waits for before it has joined.</summary>
public enum JoinWait
{
    /// <summary>No view has shown it yet.</summary>
    View,

    /// <summary>The store has not answered, or has failed.</summary>
    Store,

    /// <summary>An earlier run of its name is active, and must be evicted first: see the evictions.</summary>
    EarlierRun,
}
