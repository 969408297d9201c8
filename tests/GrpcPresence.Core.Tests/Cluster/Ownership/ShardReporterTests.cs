using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Ownership;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence.HandOver;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Tests.Cluster.Ownership;

/// <summary>Why a shard is not open, for each state in which it may be.</summary>
public sealed class ShardReporterTests
{
    private static readonly NodeId Self = new("a", 1);
    private static readonly NodeId B = new("b", 1);
    private static readonly Shard Shard = new(7);
    private static readonly DataIdentity Data = new("model", Timeline: 1);

    private readonly ShardTable _table = new();
    private readonly ShardGates _gates = new();
    private readonly IncomingHandOvers _incoming = new();
    private readonly long[] _lost = new long[Shard.Count];
    private ClusterView _targets = new(1, [Self]); // this node should hold every shard
    private ImmutableArray<NodeId> _nodes = [Self, B];
    private readonly Dictionary<Shard, HandOverDone> _done = [];
    private TimeSpan _now;
    private bool _isClosing;
    private bool _mayTakeOver = true;

    [Fact]
    public void A_shard_without_a_holder_is_claimed() => Assert.Equal((ShardWaitReason.Claim, null), Wait());

    [Fact]
    public void A_shard_of_a_node_that_is_away_waits_for_its_eviction()
    {
        Hold(B);
        _nodes = [Self];
        Assert.Equal((ShardWaitReason.Eviction, B), Wait());
    }

    [Fact]
    public void A_shard_of_another_node_waits_for_its_release_and_then_for_the_hand_over()
    {
        Hold(B);
        Assert.Equal((ShardWaitReason.Release, B), Wait());
        Begin();
        Assert.Equal((ShardWaitReason.HandOver, B), Wait());
        Assert.Equal([new HandOver(Shard, HandOverStage.Receiving, B)], Report().HandOvers);
    }

    [Fact]
    public void A_shard_that_was_handed_over_waits_for_what_its_last_holder_says()
    {
        Hold(B);
        Begin();
        _incoming.Receive(B, new HandOverEnd(1, Shard, Users: 0));
        Hold(Self, epoch: 2);
        Assert.Equal((ShardWaitReason.HandOver, B), Wait());
        Assert.Equal([new HandOver(Shard, HandOverStage.Received, B)], Report().HandOvers);

        _done[Shard] = new HandOverDone(1, Shard, _table[Shard]);
        Assert.Equal((ShardWaitReason.LoadQueue, null), Wait());
        _done.Clear();
        Assert.True(_incoming.IsComplete(Shard, new ClusterView(1, _nodes), _now));
        _now = Limits.OwnerWait;
        Assert.Equal((ShardWaitReason.LoadQueue, null), Wait());
        _now = default;
        _nodes = [Self];
        Assert.Equal((ShardWaitReason.LoadQueue, null), Wait());
    }

    [Fact]
    public void A_shard_of_this_node_waits_to_be_loaded_or_for_the_agreement()
    {
        Hold(Self);
        Assert.Equal((ShardWaitReason.LoadQueue, null), Wait());
        _mayTakeOver = false;
        Assert.Equal((ShardWaitReason.Agreement, null), Wait());
    }

    [Fact]
    public void A_shard_that_a_commit_has_found_lost_waits_for_the_poll()
    {
        Hold(Self, epoch: 3);
        _lost[Shard.Number] = 3;
        Assert.Equal((ShardWaitReason.Lost, null), Wait());
        Hold(Self, epoch: 4);
        Assert.Equal((ShardWaitReason.LoadQueue, null), Wait());
    }

    [Fact]
    public void A_shard_that_is_closed_to_leave_says_so()
    {
        Hold(Self);
        _isClosing = true;
        Assert.Equal((ShardWaitReason.Leaving, null), Wait());
    }

    [Fact]
    public void A_shard_that_this_node_holds_for_another_one_must_be_loaded_first()
    {
        _targets = new ClusterView(1, [B]);
        Assert.Empty(Report().Waits);
        Hold(Self);
        Assert.Equal((ShardWaitReason.LoadQueue, null), Wait());
        Assert.Equal(0, Report().Targets);
    }

    [Fact]
    public void A_shard_that_is_open_waits_for_nothing()
    {
        Hold(Self);
        Assert.True(_gates.TryChange(Shard, default, new ShardGate(ShardGateState.Open, 1)));
        var report = Report();
        Assert.DoesNotContain(report.Waits, wait => wait.Shard == Shard);
        Assert.Equal((Shard.Count, 1), (report.Targets, report.Open));
    }

    private void Hold(NodeId node, long epoch = 1)
    {
        if (_table[Shard].Data != Data)
            _table.Reset(Data, []);
        Assert.True(_table.Update(Shard, new KnownHolder(node, epoch, Data)));
    }

    private void Begin() => _incoming.Receive(B, new HandOverBegin(1, Shard, _table[Shard], new HandOverStart(default, [])));

    private (ShardWaitReason Reason, NodeId? Node) Wait()
    {
        var wait = Report().Waits.Single(wait => wait.Shard == Shard);
        return (wait.Reason, wait.Node);
    }

    private ShardBits FindHeld()
    {
        var held = new ShardBits();
        held.Set(Shard, _table[Shard].Node == Self);
        return held;
    }

    private ShardReport Report() => new ShardReporter
    {
        Self = Self,
        Table = _table,
        Gates = _gates,
        Targets = ShardTargets.Of(_targets),
        Held = FindHeld(),
        View = new ClusterView(1, _nodes),
        Incoming = _incoming,
        Outgoing = ImmutableDictionary<Shard, OutgoingHandOver>.Empty,
        Done = _done,
        Now = _now,
        Loads = new ShardLoads(null!),
        LostEpochs = _lost,
        IsClosing = _isClosing,
        MayTakeOver = _mayTakeOver,
    }.Report();
}
