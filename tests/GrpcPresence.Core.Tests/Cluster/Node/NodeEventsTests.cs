using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Tests.Cluster.Simulation;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>The steps of a node return what has happened in its life, so that a host can log it.</summary>
public sealed class NodeEventsTests : IAsyncLifetime
{
    private const double Joining = 6; // seconds in which a node joins and gets its shards

    private readonly RunningNodes _nodes = new();
    private SimulatedNode _a = null!;

    public async ValueTask InitializeAsync()
    {
        await _nodes.CreateServiceAsync();
        _a = _nodes.Start("a");
    }

    public ValueTask DisposeAsync()
    {
        _nodes.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void The_events_of_a_life_come_in_their_order()
    {
        Advance(seconds: 3);
        Advance(seconds: 30); // nothing happens
        _a.Node.Leave();
        Advance(seconds: 3);

        var moved = _a.Events.OfType<ShardsMoved>().ToArray();
        Assert.Equal(Shard.Count, moved.Sum(move => move.Opened));
        Assert.Equal(Shard.Count, moved.Sum(move => move.Closed));
        Assert.Equal(0, moved[^1].Open);
        Assert.InRange(moved.Length, 2, 8);
        var others = _a.Events.Where(item => item is not ShardsMoved).ToArray();
        Assert.Equal(
            [typeof(NodeJoined), typeof(NodeConfirmed), typeof(NodeReady), typeof(NodeLeaving), typeof(NodeEnded)],
            others.Where(item => item is not DataChanged).Select(item => item.GetType()));
        Assert.Equal(new DataChanged(Before: null, _nodes.Store.Image.Cluster.Identity), Assert.Single(others.OfType<DataChanged>()));
        Assert.InRange(others.OfType<NodeReady>().Single().After, TimeSpan.Zero, TimeSpan.FromSeconds(3));
        Assert.Equal(new NodeLeaving(Shard.Count), others[^2]);
        Assert.Equal(NodeEndReason.Left, Assert.IsType<NodeEnded>(_a.Events[^1]).End.Reason);
        Assert.Empty(_a.Node.Step());
    }

    [Fact]
    public void An_eviction_has_an_event_when_it_begins_and_when_it_is_done()
    {
        var (b, c) = (_nodes.Start("b"), _nodes.Start("c"));
        Advance(seconds: 2 * Joining);
        _nodes.Kill(c);
        Advance(seconds: 6 + Limits.EvictionAttempt.TotalSeconds);

        Assert.Equal(2, _a.Events.Concat(b.Events).Count(item => item is EvictionBegun begun && begun.Node == c.Id));
        Assert.Equal(new EvictionDone(c.Id, HadVotes: true), Assert.Single(_a.Events.Concat(b.Events).OfType<EvictionDone>()));
        var other = _a.Events.OfType<EvictionDone>().Any() ? b : _a;
        Assert.Contains(new EvictionAbandoned(c.Id), other.Events);
    }

    [Fact]
    public void An_eviction_that_the_store_refuses_has_one_event_with_the_reason()
    {
        var (b, c) = (_nodes.Start("b"), _nodes.Start("c"));
        Advance(seconds: 2 * Joining);
        _a.Store.ClusterFaults.Fail(ClusterCall.Evict);
        b.Store.ClusterFaults.Hold(ClusterCall.Evict);
        _nodes.Kill(c);
        Advance(seconds: 6);
        Assert.Equal(new EvictionRefused(c.Id, EvictionRefusal.Failed), Assert.Single(_a.Events.OfType<EvictionRefused>()));

        _a.Store.ClusterFaults.Clear();
        Advance(seconds: 1);
        Assert.Contains(new EvictionDone(c.Id, HadVotes: true), _a.Events);
        b.Store.ClusterFaults.Clear(); // it is not active any more
        Advance(seconds: 1);

        Assert.Contains(new EvictionRefused(c.Id, EvictionRefusal.Condition), b.Events);
    }

    [Fact]
    public void An_eviction_without_votes_says_so()
    {
        var (b, c) = (_nodes.Start("b"), _nodes.Start("c"));
        Advance(seconds: 2 * Joining);
        _nodes.Kill(b);
        _nodes.Kill(c);
        Advance(seconds: 6 + (Limits.PeerConfirmation + Limits.Confirmation).TotalSeconds);

        Assert.Contains(new EvictionDone(b.Id, HadVotes: false), _a.Events);
        Assert.Single(_a.Events, item => item is EvictionBegun begun && begun.Node == c.Id);
    }

    [Fact]
    public void A_node_that_is_not_confirmed_for_a_while_says_so_and_when_it_is_again()
    {
        var b = _nodes.Start("b");
        Advance(seconds: Joining);
        b.Events.Clear();
        b.Store.CutOff(true);
        _nodes.Network.CutPair("a", "b");
        Advance(seconds: 1.5);

        var lapsed = Assert.IsType<NodeUnconfirmed>(Assert.Single(b.Events));
        Assert.Equal([_a.Id], lapsed.SilentPeers);
        Assert.InRange(lapsed.RenewedBefore!.Value, TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(1.3));

        b.Store.CutOff(false);
        _nodes.Network.HealAll();
        Advance(seconds: 1);

        var again = Assert.IsType<NodeConfirmed>(b.Events[^1]);
        Assert.InRange(again.After, TimeSpan.FromSeconds(0.2), TimeSpan.FromSeconds(1));
        Assert.Equal(2, b.Events.Count);
        Assert.Equal(2, b.Node.ReadStatus().Confirmation.TimesConfirmed);
    }

    [Fact]
    public void A_node_that_learns_other_data_names_both()
    {
        Advance(seconds: 3);
        var before = _a.Node.Data;
        _nodes.Store.Promote(_nodes.Store.Image);
        Advance(seconds: 3);

        Assert.Equal(new DataChanged(before, _nodes.Store.Image.Cluster.Identity), Assert.Single(_a.Events.OfType<DataChanged>().Skip(1)));
        Assert.NotEqual(before, _a.Node.Data);
    }

    [Fact]
    public void A_node_that_the_others_have_removed_says_how_many_shards_it_has_closed()
    {
        var b = _nodes.Start("b");
        Advance(seconds: Joining);
        var open = b.Node.ReadStatus().Shards.Open;
        _nodes.Membership.Remove(b.Id);
        Advance(seconds: 0.1);

        Assert.Equal(new ShardsMoved(Opened: 0, open, Open: 0), b.Events[^2]);
        Assert.Equal(NodeEndReason.NotInView, Assert.IsType<NodeEnded>(b.Events[^1]).End.Reason);
        Assert.Equal((NodePhase.Ended, 0), (b.Node.ReadStatus().Phase, b.Node.ReadStatus().Shards.Open));
    }

    private void Advance(double seconds) => _nodes.Advance(TimeSpan.FromSeconds(seconds));
}
