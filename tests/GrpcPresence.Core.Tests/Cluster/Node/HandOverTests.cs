using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Tests.Cluster.Simulation;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>Planned moves of shards between whole nodes.</summary>
public sealed class HandOverTests : IAsyncLifetime
{
    private readonly RunningNodes _nodes = new();

    public async ValueTask InitializeAsync() => await _nodes.CreateServiceAsync();

    public ValueTask DisposeAsync()
    {
        _nodes.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void A_hand_over_that_was_given_up_begins_again_also_if_it_was_the_last_one()
    {
        _nodes.Start("a");
        _nodes.Advance(TimeSpan.FromSeconds(3));

        // The first hand-over begins when the view shows b and b knows no data yet, so b ignores it.
        var b = _nodes.Start("b");
        _nodes.Advance(TimeSpan.FromSeconds(5));

        var targets = ShardTargets.Of(_nodes.Membership.Current);
        for (var number = 0; number < Shard.Count; number++)
            Assert.Equal(targets[new Shard(number)], Assert.Single(_nodes.HoldersOf(new Shard(number))));
        Assert.True(b.Node.IsReady);
    }

    [Fact]
    public void Live_a_node_learns_of_a_switch_at_once_also_without_a_poll()
    {
        var (a, c) = (_nodes.Start("a"), _nodes.Start("c"));
        _nodes.Advance(TimeSpan.FromSeconds(6));
        c.Store.ClusterFaults.Hold(ClusterCall.Poll);

        var b = _nodes.Start("b");
        for (var step = 0; step < 100 && ListHeld(b).Length == 0; step++)
            _nodes.Advance(TimeSpan.FromSeconds(0.05));

        var moved = ListHeld(b);
        Assert.NotEmpty(moved);
        _nodes.Advance(TimeSpan.FromSeconds(0.05));
        Assert.All(moved, shard => Assert.Equal(b.Id, c.Node.Table[shard].Node));
        Assert.Null(a.Node.End);
    }

    // Those that the first of the nodes has handed over.
    private Shard[] ListHeld(SimulatedNode node) =>
        [.. _nodes.Store.Image.Cluster.Shards.Values.Where(shard => shard.Node == node.Id).Select(shard => shard.Shard)];
}
