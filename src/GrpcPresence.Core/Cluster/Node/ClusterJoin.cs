using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Joins the cluster: asks the store until it has added this run to the active nodes. Used only by the loop of the node.
/// </summary>
/// <param name="parts">The parts of the node.</param>
/// <param name="wake">Wakes the loop.</param>
internal sealed class ClusterJoin(NodeParts parts, Action wake)
{
    private readonly StoreCall<bool, NodeLease?> _call = new(parts.Clock, wake);
    private bool _isViewSeen; // whether a view has shown this node

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
            if (earlier is not null)
            {
                parts.Confirmation.Observe([earlier], parts.Clock.Now);
                _call.Pause();
            }
        }
        if (_isViewSeen && _call.MayBegin)
            _call.Begin(true, parts.Store.JoinAsync(self, CancellationToken.None));
        return null;
    }
}
