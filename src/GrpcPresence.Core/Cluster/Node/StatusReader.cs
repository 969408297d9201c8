using System.Collections.Immutable;
using System.Runtime.InteropServices;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Ownership;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Takes the status of the node, and knows since when shards wait and move. Used only by the loop of the node.
/// </summary>
/// <param name="parts">The parts of the node.</param>
/// <param name="membership">Whether the node has joined.</param>
/// <param name="shards">The shards of the node.</param>
/// <param name="poll">What the store says.</param>
/// <param name="items">The links.</param>
/// <param name="calls">The calls of the store.</param>
/// <param name="contacts">When the last messages have arrived.</param>
internal sealed class StatusReader(
    NodeParts parts,
    NodeMembership membership,
    NodeShards shards,
    StorePoll poll,
    NodeItems items,
    StoreCalls calls,
    PeerContacts contacts)
{
    private readonly Dictionary<Shard, TimeSpan> _waitsSince = [];
    private readonly Dictionary<(Shard Shard, bool IsOutgoing), (NodeId? Peer, TimeSpan Since)> _movesSince = [];

    /// <summary>Takes the status.</summary>
    /// <param name="view">The newest view.</param>
    /// <param name="isReady">Whether clients may call the node.</param>
    /// <param name="end">How the node has ended; null if it has not.</param>
    public ClusterNodeStatus Read(ClusterView view, bool isReady, NodeEnd? end)
    {
        var now = parts.Clock.Now;
        var report = shards.Report();
        var waits = TimeWaits(report, now);
        var moves = TimeMoves(report, now);
        var isLeaving = shards.Leave.IsRequested;
        return new ClusterNodeStatus
        {
            Node = parts.View.Self,
            Age = TimeSpan.Zero,
            Phase = end is not null ? NodePhase.Ended
                : isLeaving ? NodePhase.Leaving
                : membership.HasJoined && poll.HasPolled ? NodePhase.Joined
                : NodePhase.Joining,
            JoinWait = end is null ? membership.JoinWait : null,
            LeaveWait = end is null && isLeaving ? shards.Leave.Wait : null,
            End = end,
            IsReady = isReady,
            ClockProblem = poll.Clock.Problem,
            IsStoreAway = poll.IsStoreAway,
            ViewNumber = view.Number,
            View = view.Nodes,
            Members = poll.Members,
            Data = ReadData(now),
            Confirmation = parts.Confirmation.ReadConfirmation(now),
            Evictions = parts.Confirmation.ReadEvictions(now),
            Shards = new ShardsStatus(report.Targets, report.Open, Count(waits), [.. waits.Take(Limits.StatusEntries)]),
            HandOvers = [.. moves.Take(Limits.StatusEntries)],
            HandOverCount = moves.Count,
            Peers = ReadPeers(view, now),
            Calls = items.Router.ReadWaits(),
            StoreCalls = ReadStoreCalls(report, waits),
        };
    }

    private NodeDataStatus ReadData(TimeSpan now)
    {
        var (knownFor, isAgreed, missing) = parts.Confirmation.ReadAgreement(now);
        var identity = parts.Gates.Data;
        return new NodeDataStatus(identity == default ? null : identity, knownFor, isAgreed, missing, poll.IsChecking);
    }

    /// <summary>Returns the shards for which the node does not answer, those that wait longest first.</summary>
    private List<ShardWaitStatus> TimeWaits(ShardReport report, TimeSpan now)
    {
        IEnumerable<ShardWait> all = report.Waits;
        if (report.Open > 0 && !parts.Confirmation.IsConfirmed(now))
            all = all.Concat(ListOpen().Select(shard => new ShardWait(shard, ShardWaitReason.Unconfirmed)));
        List<ShardWaitStatus> waits = [];
        foreach (var (shard, reason, node) in all)
        {
            ref var since = ref CollectionsMarshal.GetValueRefOrAddDefault(_waitsSince, shard, out var isKnown);
            since = isKnown ? since : now;
            waits.Add(new ShardWaitStatus(shard, reason, node, now - since));
        }
        if (_waitsSince.Count > waits.Count)
        {
            var present = waits.Select(wait => wait.Shard).ToHashSet();
            foreach (var shard in _waitsSince.Keys.Where(shard => !present.Contains(shard)))
                _waitsSince.Remove(shard);
        }
        if (waits.Count > 1)
            waits.Sort(static (one, other) => (other.For, one.Shard.Number).CompareTo((one.For, other.Shard.Number)));
        return waits;
    }

    private IEnumerable<Shard> ListOpen() =>
        Enumerable.Range(0, Shard.Count).Select(number => new Shard(number)).Where(parts.Gates.IsOpen);

    private static ImmutableArray<ShardWaitCount> Count(List<ShardWaitStatus> waits) => waits.Count == 0 ? [] :
    [
        .. waits.GroupBy(wait => (wait.Reason, wait.Node))
            .Select(group => new ShardWaitCount(group.Key.Reason, group.Key.Node, group.Count(), group.First().For))
            .OrderByDescending(count => count.Count),
    ];

    /// <summary>Returns the moves of shards, the longest ones first.</summary>
    private List<HandOverStatus> TimeMoves(ShardReport report, TimeSpan now)
    {
        List<HandOverStatus> moves = [];
        if (report.HandOvers.Count + shards.Homes.Draining.Count + _movesSince.Count == 0)
            return moves;
        var draining = shards.Homes.Draining.Except(report.HandOvers.Select(move => move.Shard))
            .Select(shard => new HandOver(shard, HandOverStage.Draining, Peer: null));
        foreach (var (shard, stage, peer) in report.HandOvers.Concat(draining))
        {
            var isOutgoing = stage < HandOverStage.Receiving;
            ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_movesSince, (shard, isOutgoing), out var isKnown);
            // The drain, which has no peer yet, is the first part of the move.
            known = (peer, isKnown && (known.Peer is null || known.Peer == peer) ? known.Since : now);
            moves.Add(new HandOverStatus(shard, isOutgoing, peer, stage, now - known.Since));
        }
        if (_movesSince.Count > moves.Count)
        {
            var present = moves.Select(move => (move.Shard, move.IsOutgoing)).ToHashSet();
            foreach (var move in _movesSince.Keys.Where(move => !present.Contains(move)))
                _movesSince.Remove(move);
        }
        moves.Sort(static (one, other) => (other.For, one.Shard.Number).CompareTo((one.For, other.Shard.Number)));
        return moves;
    }

    private ImmutableArray<PeerStatus> ReadPeers(ClusterView view, TimeSpan now)
    {
        var links = items.ReadLinks(now).ToDictionary(link => link.Node);
        return
        [
            .. view.Nodes.Union(links.Keys).Where(node => node != parts.View.Self).OrderBy(node => node.Name, StringComparer.Ordinal)
                .Select(node => ReadPeer(node, links.GetValueOrDefault(node), shards.Nodes.Find(node))),
        ];

        PeerStatus ReadPeer(NodeId node, LinkStatus link, NodeStatus? said) => new(
            node,
            view.Contains(node),
            said is { IsLeaving: true },
            said is { IsStoreAway: true },
            contacts.Since(node, now),
            link.QueuedItems,
            link.QueuedBytes,
            link.SentItems,
            link.UnacknowledgedFor);
    }

    private ImmutableArray<StoreCallStatus> ReadStoreCalls(ShardReport report, List<ShardWaitStatus> waits)
    {
        var status = calls.Read();
        var loading = waits.Where(wait => wait.Reason == ShardWaitReason.Loading).Select(wait => (TimeSpan?)wait.For).FirstOrDefault();
        return loading is null && report.LoadFailures == 0
            ? status
            : status.Add(new StoreCallStatus(
                StoreCallKind.Load, loading, report.LoadFailures, report.LoadFailures > 0 ? nameof(Domain.Errors.StorageException) : null));
    }
}
