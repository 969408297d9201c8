using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>The steps of a node return what has happened in its life, so that a host can log it.</summary>
public sealed class NodeEventsTests : RunningNodesTestBase
{
    [Fact]
    public void The_events_of_a_life_come_in_their_order()
    {
        Advance(seconds: 3);
        Advance(seconds: 30); // nothing happens
        First.Node.Leave();
        Advance(seconds: 3);

        var moved = First.Events.OfType<ShardsMoved>().ToArray();
        Assert.Equal(Shard.Count, moved.Sum(move => move.Opened));
        Assert.Equal(Shard.Count, moved.Sum(move => move.Closed));
        Assert.Equal(0, moved[^1].Open);
        Assert.InRange(moved.Length, 2, 8);
        var others = First.Events.Where(item => item is not ShardsMoved).ToArray();
        Assert.Equal(
            [typeof(NodeJoined), typeof(NodeConfirmed), typeof(NodeReady), typeof(NodeLeaving), typeof(NodeNotReady), typeof(NodeEnded)],
            others.Where(item => item is not DataChanged).Select(item => item.GetType()));
        Assert.Equal(new DataChanged(Before: null, Nodes.Store.Image.Cluster.Identity), Assert.Single(others.OfType<DataChanged>()));
        Assert.InRange(others.OfType<NodeReady>().Single().After, TimeSpan.Zero, TimeSpan.FromSeconds(3));
        Assert.Equal(new NodeLeaving(Shard.Count), others[^3]);
        Assert.Equal(NotReadyReason.Leaving, others.OfType<NodeNotReady>().Single().Reason);
        Assert.Equal(NodeEndReason.Left, Assert.IsType<NodeEnded>(First.Events[^1]).End.Reason);
        Assert.Empty(First.Node.Step());
    }

    [Fact]
    public void An_eviction_has_an_event_when_it_begins_and_when_it_is_done()
    {
        var (b, c) = (Nodes.Start("b"), Nodes.Start("c"));
        Advance(seconds: 2 * Joining);
        Nodes.Kill(c);
        Advance(seconds: 6 + Limits.EvictionAttempt.TotalSeconds);

        Assert.Equal(2, First.Events.Concat(b.Events).Count(item => item is EvictionBegun begun && begun.Node == c.Id));
        Assert.Equal(new EvictionDone(c.Id, HadVotes: true), Assert.Single(First.Events.Concat(b.Events).OfType<EvictionDone>()));
        var other = First.Events.OfType<EvictionDone>().Any() ? b : First;
        Assert.Contains(new EvictionAbandoned(c.Id), other.Events);
    }

    [Fact]
    public void An_eviction_that_the_store_refuses_has_one_event_with_the_reason()
    {
        var (b, c) = (Nodes.Start("b"), Nodes.Start("c"));
        Advance(seconds: 2 * Joining);
        First.Store.ClusterFaults.Fail(ClusterCall.Evict);
        b.Store.ClusterFaults.Hold(ClusterCall.Evict);
        Nodes.Kill(c);
        Advance(seconds: 6);
        Assert.Equal(new EvictionRefused(c.Id, EvictionRefusal.Failed), Assert.Single(First.Events.OfType<EvictionRefused>()));

        First.Store.ClusterFaults.Clear();
        Advance(seconds: 1);
        Assert.Contains(new EvictionDone(c.Id, HadVotes: true), First.Events);
        b.Store.ClusterFaults.Clear(); // it is not active any more
        Advance(seconds: 1);

        Assert.Contains(new EvictionRefused(c.Id, EvictionRefusal.Condition), b.Events);
    }

    [Fact]
    public void An_eviction_without_votes_says_so()
    {
        var (b, c) = (Nodes.Start("b"), Nodes.Start("c"));
        Advance(seconds: 2 * Joining);
        Nodes.Kill(b);
        Nodes.Kill(c);
        Advance(seconds: 6 + (Limits.PeerConfirmation + Limits.Confirmation).TotalSeconds);

        Assert.Contains(new EvictionDone(b.Id, HadVotes: false), First.Events);
        Assert.Single(First.Events, item => item is EvictionBegun begun && begun.Node == c.Id);
    }

    [Fact]
    public void A_node_that_is_not_confirmed_for_a_while_says_so_and_when_it_is_again()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);
        b.Events.Clear();
        b.Store.CutOff(true);
        Nodes.Network.CutPair("a", "b");
        Advance(seconds: 1.5);

        var lapsed = Assert.IsType<NodeUnconfirmed>(Assert.Single(b.Events));
        Assert.Equal([First.Id], lapsed.SilentPeers);
        Assert.InRange(lapsed.RenewedBefore!.Value, TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(1.3));

        b.Store.CutOff(false);
        Nodes.Network.HealAll();
        Advance(seconds: 1);

        var again = Assert.IsType<NodeConfirmed>(b.Events[^1]);
        Assert.InRange(again.After, TimeSpan.FromSeconds(0.2), TimeSpan.FromSeconds(1));
        Assert.Equal(2, b.Events.Count);
        Assert.Equal(2, b.Node.ReadStatus().Confirmation.TimesConfirmed);
    }

    [Fact]
    public void A_node_whose_clock_is_wrong_for_a_while_says_that_it_is_not_ready_and_when_it_is_again()
    {
        Advance(seconds: 5);
        First.Events.Clear();
        Nodes.StoreClockStep = TimeSpan.FromHours(1);
        Advance(seconds: 3);

        var lapsed = Assert.IsType<NodeNotReady>(Assert.Single(First.Events));
        Assert.Equal(NotReadyReason.Clock, lapsed.Reason);
        Assert.InRange(lapsed.After, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(6));

        Nodes.StoreClockStep = TimeSpan.Zero;
        Advance(seconds: 2);

        Assert.InRange(Assert.IsType<NodeReady>(First.Events[1]).After, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(4));

        Nodes.StoreClockStep = TimeSpan.FromHours(1);
        Advance(seconds: 2);
        First.Node.Leave();
        Advance(seconds: 3);

        Assert.Equal(2, First.Events.OfType<NodeNotReady>().Count()); // it was not ready when it was asked to leave
        Assert.IsType<NodeEnded>(First.Events[^1]);
    }

    [Fact]
    public void A_node_that_learns_other_data_names_both()
    {
        Advance(seconds: 3);
        var before = First.Node.Data;
        Nodes.Store.Promote(Nodes.Store.Image);
        Advance(seconds: 3);

        var changed = Assert.Single(First.Events.OfType<DataChanged>().Skip(1));
        Assert.Equal(new DataChanged(before, Nodes.Store.Image.Cluster.Identity), changed);
        Assert.NotEqual(before, First.Node.Data);
    }

    [Fact]
    public void A_node_that_the_others_have_removed_says_how_many_shards_it_has_closed()
    {
        var b = Nodes.Start("b");
        Advance(seconds: Joining);
        var open = b.Node.ReadStatus().Shards.Open;
        Nodes.Membership.Remove(b.Id);
        Advance(seconds: 0.1);

        Assert.Equal(new ShardsMoved(Opened: 0, open, Open: 0), b.Events[^2]);
        Assert.Equal(NodeEndReason.NotInView, Assert.IsType<NodeEnded>(b.Events[^1]).End.Reason);
        Assert.Equal((NodePhase.Ended, 0), (b.Node.ReadStatus().Phase, b.Node.ReadStatus().Shards.Open));
    }
}
