using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Which nodes of the view have joined, and which of these leave, so that the targets of the shards follow from it. Used only by the loop
/// of the node.
/// </summary>
/// <param name="self">This node.</param>
internal sealed class JoinedNodes(NodeId self)
{
    private readonly Dictionary<NodeId, NodeStatus> _statuses = [];
    private ClusterView _seen = new(Number: -1, []); // the view of which the nodes that have joined were computed
    private ImmutableArray<NodeId> _members = [];

    /// <summary>The view without the nodes that the store does not show as active, as the last <see cref="Update"/> has found it.</summary>
    public ClusterView View { get; private set; } = new(Number: -1, []);

    /// <summary>Those of the nodes that leave.</summary>
    public ImmutableHashSet<NodeId> Leaving { get; private set; } = [];

    /// <summary>Greater after each change of the two.</summary>
    public int Version { get; private set; }

    /// <summary>Whether each node that has joined leaves.</summary>
    public bool AreAllLeaving => View.Nodes.All(Leaving.Contains);

    /// <summary>Takes the status of another node.</summary>
    public void Receive(NodeId from, NodeStatus status)
    {
        if (!_statuses.TryGetValue(from, out var known) || known.Number < status.Number)
            _statuses[from] = status;
    }

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
        FindLeaving(isLeaving);
    }

    private void FindLeaving(bool isLeaving)
    {
        if (Leaving.IsEmpty && !isLeaving && !_statuses.Values.Any(status => status.IsLeaving))
            return;
        var leaving = View.Nodes.Where(node => node == self ? isLeaving : _statuses.GetValueOrDefault(node) is { IsLeaving: true })
            .ToImmutableHashSet();
        if (leaving.SetEquals(Leaving))
            return;
        Leaving = leaving;
        Version++;
    }
}
