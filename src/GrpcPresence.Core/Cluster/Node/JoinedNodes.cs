using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Which nodes of the view have joined, and which of these should hold no shard, so that the targets of the shards follow from it. Used
/// only by the loop of the node.
/// </summary>
/// <param name="self">This node.</param>
internal sealed class JoinedNodes(NodeId self)
{
    private readonly Dictionary<NodeId, NodeStatus> _statuses = [];
    private ClusterView _seen = new(Number: -1, []); // the view of which the nodes that have joined were computed
    private ImmutableArray<NodeId> _members = [];

    /// <summary>The view without the nodes that the store does not show as active, as the last <see cref="Update"/> has found it.</summary>
    public ClusterView View { get; private set; } = new(Number: -1, []);

    /// <summary>
    /// Those of the nodes that should hold no shard: they leave, or cannot reach the store. This node does not count itself among the
    /// latter: it could not give its shards away.
    /// </summary>
    public ImmutableHashSet<NodeId> Excluded { get; private set; } = [];

    /// <summary>Greater after each change of the two.</summary>
    public int Version { get; private set; }

    /// <summary>
    /// Whether this node leaves, and no other one can take its shards: each of them leaves too, or cannot reach the store.
    /// </summary>
    public bool HasNoReceiver { get; private set; }

    /// <summary>Takes the status of another node.</summary>
    public void Receive(NodeId from, NodeStatus status)
    {
        if (!_statuses.TryGetValue(from, out var known) || known.Number < status.Number)
            _statuses[from] = status;
    }

    /// <summary>Returns what another node has said last of itself; null if nothing.</summary>
    public NodeStatus? Find(NodeId node) => _statuses.GetValueOrDefault(node);

    /// <summary>Forgets the nodes that the view lacks.</summary>
    public void Forget(ClusterView view)
    {
        foreach (var node in _statuses.Keys.Where(node => !view.Contains(node)).ToArray())
            _statuses.Remove(node);
    }

    /// <summary>Computes which nodes have joined. One that waits to join can take no shard and answers no question.</summary>
    /// <param name="view">The newest view.</param>
    /// <param name="members">The nodes that the store shows as active. Another array after each change.</param>
    /// <param name="isLeaving">Whether this node leaves.</param>
    public void Update(ClusterView view, ImmutableArray<NodeId> members, bool isLeaving)
    {
        if (view.Number != _seen.Number || members != _members)
        {
            (_seen, _members) = (view, members);
            View = view with { Nodes = [.. view.Nodes.Where(members.Contains)] };
            Version++; // so that the targets are computed again
        }
        FindExcluded(isLeaving);
    }

    private void FindExcluded(bool isLeaving)
    {
        HasNoReceiver = isLeaving && View.Nodes.All(node => IsLeaving(node, isLeaving) || IsStoreAway(node));
        if (Excluded.IsEmpty && !isLeaving && !_statuses.Values.Any(static status => status.IsLeaving || status.IsStoreAway))
            return;
        var excluded = View.Nodes.Where(node => IsLeaving(node, isLeaving) || IsStoreAway(node)).ToImmutableHashSet();
        if (excluded.SetEquals(Excluded))
            return;
        Excluded = excluded;
        Version++;
    }

    private bool IsLeaving(NodeId node, bool isSelfLeaving) =>
        node == self ? isSelfLeaving : _statuses.GetValueOrDefault(node) is { IsLeaving: true };

    private bool IsStoreAway(NodeId node) => node != self && _statuses.GetValueOrDefault(node) is { IsStoreAway: true };
}
