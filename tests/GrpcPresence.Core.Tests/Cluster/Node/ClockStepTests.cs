using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Tests.Cluster.Simulation;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>Wall clocks that are set forward or back, of the store and of nodes. No lease depends on them.</summary>
public sealed class ClockStepTests : RunningNodesTestBase
{
    private static readonly Shard[] Shards = [.. Enumerable.Range(0, Shard.Count).Select(number => new Shard(number))];

    private SimulatedNode _b = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Advance(seconds: 3);
        _b = Nodes.Start("b");
        Advance(Joining);
        Assert.NotEmpty(ShardsOf(_b));
        Nodes.AfterStep = () => Assert.All(Shards, shard => Assert.InRange(Nodes.HoldersOf(shard).Count, 0, 1));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void NoFalseOffline_the_shards_of_a_node_that_died_have_another_holder_within_5_s_whatever_the_clock_of_the_store_does(int hours)
    {
        Nodes.Kill(_b);
        Advance(seconds: 0.5);
        Nodes.StoreClockStep = TimeSpan.FromHours(hours);

        Advance(seconds: 5);

        Assert.Equal(Shards, ShardsOf(First));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void StoreAway_a_clock_of_the_store_that_steps_ends_no_node(int hours)
    {
        var held = ShardsOf(_b);
        Nodes.StoreClockStep = TimeSpan.FromHours(hours);
        Nodes.AfterStep += () => Assert.Equal(held, ShardsOf(_b));

        Advance(seconds: 5);

        Assert.Null(First.Node.End);
    }

    [Fact]
    public void OneHolder_a_renewal_that_is_fresh_stands_although_the_clock_of_the_store_steps_forward()
    {
        // The view of a lacks b, which renews, and then reaches nobody.
        Nodes.Membership.Pause(_b.Id);
        Nodes.Membership.Remove(_b.Id);
        Nodes.Network.CutPair("a", "b");
        Advance(seconds: 1.2); // promises of a are over
        var renewals = _b.Store.ClusterFaults.CountOf(ClusterCall.Renew);
        for (var step = 0; step < 10 && _b.Store.ClusterFaults.CountOf(ClusterCall.Renew) == renewals; step++)
            Advance(seconds: 0.05);
        _b.Store.CutOff(true);
        Nodes.StoreClockStep = TimeSpan.FromHours(1);

        Advance(seconds: 5);

        Assert.Equal(Shards, ShardsOf(First));
    }

    [Theory]
    [InlineData(6)]
    [InlineData(-6)]
    public void A_node_whose_clock_is_more_than_5_s_from_that_of_the_store_is_not_ready_and_says_so(int seconds)
    {
        var held = ShardsOf(_b);
        Assert.True(_b.Node.IsReady);
        Assert.Null(_b.Node.ClockProblem);

        _b.Time.WallStep = TimeSpan.FromSeconds(seconds);
        Advance(seconds: 1);

        Assert.False(_b.Node.IsReady);
        Assert.NotNull(_b.Node.ClockProblem);
        var status = _b.Node.ReadStatus();
        Assert.Equal((false, _b.Node.ClockProblem), (status.IsReady, status.ClockProblem));
        Assert.InRange(_b.Node.ClockAhead.TotalSeconds, seconds - 0.1, seconds + 0.1);
        Assert.True(First.Node.IsReady);
        Assert.Equal(held, ShardsOf(_b)); // what it answers for needs no wall clock

        _b.Time.WallStep = TimeSpan.Zero;
        Advance(seconds: 1);

        Assert.True(_b.Node.IsReady);
        Assert.Null(_b.Node.ClockProblem);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(-4)]
    public void A_node_whose_clock_is_less_than_5_s_from_that_of_the_store_is_ready(int seconds)
    {
        _b.Time.WallStep = TimeSpan.FromSeconds(seconds);
        Advance(seconds: 1);

        Assert.True(_b.Node.IsReady);
        Assert.Null(_b.Node.ClockProblem);
    }

    private static IReadOnlyList<Shard> ShardsOf(SimulatedNode node) => [.. Shards.Where(node.Answers)];
}
