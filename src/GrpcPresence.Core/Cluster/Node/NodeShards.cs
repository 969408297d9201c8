using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Ownership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// The shards of this node: which of them it should hold follows from the nodes that have joined. It claims, opens and moves them, runs
/// their homes, and gives all of them away to leave. Used only by the loop of the node, except where a member says otherwise.
/// </summary>
internal sealed class NodeShards
{
    private readonly NodeParts _parts;
    private readonly ShardClaim _claim;
    private readonly Action _wake;
    private volatile bool _hasOpened;

    /// <param name="parts">The parts of the node.</param>
    /// <param name="table">The holders of the shards.</param>
    /// <param name="send">Sends an item to another node.</param>
    /// <param name="countCalls">Counts the calls of this ingress without a result.</param>
    /// <param name="calls">Creates the calls of the store.</param>
    /// <param name="wake">Wakes the loop.</param>
    public NodeShards(
        NodeParts parts, ShardTable table, SendItem send, Func<int> countCalls, StoreCalls calls, Action wake)
    {
        (_parts, _wake) = (parts, wake);
        var self = parts.View.Self;
        var shards = parts.Tracker.Shards!;
        Homes = new HomeServices(
            parts.View, parts.Channel, table, parts.Gates, parts.Services, parts.Webhooks, parts.Quotas, () => parts.Gates.Data);
        var loader = new ShardLoader(parts.Store, parts.Services, shards, wake);
        var reconciliation = new ShardReconciliation(self, table, parts.Gates);
        Ownership = new ShardOwnership(
            self,
            table,
            parts.Gates,
            reconciliation,
            new ShardOpenings(self, reconciliation, table, shards, loader, send),
            new OutgoingHandOvers(reconciliation, table, parts.Gates, shards, parts.Queue, send, Homes.IsDrained),
            new FinalClose(shards, parts.Gates, parts.Queue));
        Nodes = new JoinedNodes(self);
        Leave = new ClusterLeave(parts, Ownership, Homes, countCalls, calls);
        _claim = new ShardClaim(parts, table, calls);
    }

    /// <summary>Decides about each shard.</summary>
    public ShardOwnership Ownership { get; }

    /// <summary>What the node does as the home owner of its shards.</summary>
    public HomeServices Homes { get; }

    /// <summary>The nodes that may hold shards.</summary>
    public JoinedNodes Nodes { get; }

    /// <summary>Leaves the cluster, once the node was asked to.</summary>
    public ClusterLeave Leave { get; }

    /// <summary>Whether the node has opened all shards that were to be its own after it had joined. Safe from any thread.</summary>
    public bool HasOpened => _hasOpened;

    /// <summary>Does what is due, with what the last poll has shown. Returns whether the node has left.</summary>
    public bool Step(ClusterView view, StorePoll poll)
    {
        _claim.Take(view);
        var now = _parts.Clock.Now;
        Nodes.Update(view, poll.Members, Leave.IsRequested);
        var mayMove = poll.IsFresh && !poll.IsChecking;
        Ownership.Tick(Nodes.View, (Nodes.Excluded, Nodes.Version), (mayMove, _parts.Confirmation.MayTakeOver), now);
        if (Ownership.Switched.Count > 0)
            _parts.Channel.SendToOthers(view, _parts.View.Self, new HolderHint(_parts.Gates.Data, [.. Ownership.Switched]));
        _hasOpened |= Ownership.IsReady && Nodes.View.Contains(_parts.View.Self);
        Homes.Step(view);
        var hasLeft = Leave.IsRequested && Leave.Step(Nodes.HasNoReceiver, poll.IsChecking);
        if (!Leave.IsRequested && poll.HasPolled)
            _claim.Begin(poll.Data, Ownership.ToClaim);
        if (Ownership.HasMore)
            _wake();
        return hasLeft;
    }

    /// <summary>Returns why shards are not open here, and what moves.</summary>
    public ShardReport Report() => Ownership.Report(Nodes.View, _parts.Confirmation.MayTakeOver, _parts.Clock.Now);

    /// <summary>Closes every shard, because the node has ended.</summary>
    public void CloseAll()
    {
        Ownership.CloseAll();
        Homes.CloseAll();
    }
}
