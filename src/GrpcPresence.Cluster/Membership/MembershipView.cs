using System.Collections.Frozen;
using GrpcPresence.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Cluster.Membership;

/// <summary>
/// The view of the cluster, from the snapshots of Orleans: the version of the table is its number, and the active silos are its nodes.
/// </summary>
/// <remarks>
/// A joining silo is not in the view: it has not proved yet that it reaches the others. A silo that shuts down is not in it either: it has
/// given its shards away before, or it never will.
/// </remarks>
internal sealed class MembershipView(NodeId self, Func<SiloAddress, INodeService> findService) : IClusterView
{
    private readonly TaskCompletionSource _joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Members _members = new(new ClusterView(long.MinValue, []), FrozenDictionary<NodeId, Peer>.Empty);

    /// <inheritdoc/>
    public NodeId Self => self;

    /// <inheritdoc/>
    public ClusterView Current => _members.View;

    /// <summary>Ends with the first view that shows this node.</summary>
    public Task Joined => _joined.Task;

    /// <summary>Returns another node of the view, or null.</summary>
    public Peer? Find(NodeId node) => _members.Peers.GetValueOrDefault(node);

    /// <summary>Takes a snapshot, and returns the new view; null if it is not later than the last one. One thread calls it.</summary>
    public ClusterView? Update(ClusterMembershipSnapshot snapshot)
    {
        var earlier = _members;
        // Before it has read the table, Orleans shows this silo alone.
        if (snapshot.Version == MembershipVersion.MinValue || snapshot.Version.Value <= earlier.View.Number)
            return null;
        // While a run replaces an earlier one at its address, both may be active for a moment.
        var nodes = snapshot.Members.Values
            .Where(member => member.Status == SiloStatus.Active)
            .GroupBy(member => NameOf(member.SiloAddress))
            .Select(runs => runs.MaxBy(run => run.SiloAddress.Generation)!)
            .Select(member => (Id: NodeOf(member.SiloAddress), member.SiloAddress))
            .OrderBy(node => node.Id.Name, StringComparer.Ordinal)
            .ToArray();
        var view = new ClusterView(snapshot.Version.Value, [.. nodes.Select(node => node.Id)]);
        // What is on its way to a peer is counted as long as the peer stays.
        var peers = nodes
            .Where(node => node.Id != self)
            .Select(node => earlier.Peers.GetValueOrDefault(node.Id) ?? new Peer(node.Id, findService(node.SiloAddress)))
            .ToFrozenDictionary(peer => peer.Id);
        _members = new Members(view, peers);
        if (view.Contains(self))
            _joined.TrySetResult();
        return view;
    }

    /// <summary>Returns the node of a silo.</summary>
    public static NodeId NodeOf(SiloAddress silo) => new(NameOf(silo), silo.Generation);

    private static string NameOf(SiloAddress silo) => silo.Endpoint.ToString();

    private sealed record Members(ClusterView View, FrozenDictionary<NodeId, Peer> Peers);
}
