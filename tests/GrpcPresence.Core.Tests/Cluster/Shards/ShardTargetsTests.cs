using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Shards;

public sealed class ShardTargetsTests
{
    [Fact]
    public void Stable_the_targets_of_a_view_are_the_same_in_every_process_and_version()
    {
        var targets = ShardTargets.Of(View("a", "b", "c"));
        // From another implementation of the hash.
        Assert.Equal(
            "bccbbcbabcccababaababaaacabbbbcccccbcacbcaaacbaacacabcbbcbbbabca",
            string.Concat(Enumerable.Range(0, 64).Select(shard => targets[new Shard(shard)]?.Name)));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(100)]
    public void The_shards_are_spread_evenly(int nodes)
    {
        var view = View([.. Enumerable.Range(0, nodes).Select(node => $"presence-{node}")]);
        var expected = (double)Shard.Count / nodes;
        // Six standard deviations of a random spread.
        var tolerance = 6 * Math.Sqrt(expected * (1 - (1.0 / nodes)));
        Assert.All(CountsOf(view), count => Assert.InRange(count, expected - tolerance, expected + tolerance));
    }

    [Fact]
    public void A_node_that_leaves_moves_only_its_own_shards()
    {
        var before = ShardTargets.Of(View("a", "b", "c", "d"));
        var after = ShardTargets.Of(View("a", "b", "d"));
        foreach (var shard in AllShards)
        {
            if (before[shard]?.Name != "c")
                Assert.Equal(before[shard], after[shard]);
        }
    }

    [Fact]
    public void A_node_that_joins_only_takes_shards()
    {
        var before = ShardTargets.Of(View("a", "b", "c"));
        var after = ShardTargets.Of(View("a", "b", "c", "d"));
        Assert.Contains(AllShards, shard => after[shard]?.Name == "d");
        foreach (var shard in AllShards)
        {
            if (after[shard]?.Name != "d")
                Assert.Equal(before[shard], after[shard]);
        }
    }

    [Fact]
    public void The_next_run_of_a_node_gets_the_same_shards()
    {
        var before = ShardTargets.Of(View("a", "b"));
        var after = ShardTargets.Of(new ClusterView(2, [new NodeId("a", 1), new NodeId("b", 2)]));
        Assert.All(AllShards, shard => Assert.Equal(before[shard]?.Name, after[shard]?.Name));
        Assert.Contains(AllShards, shard => after[shard] == new NodeId("b", 2));
    }

    [Fact]
    public void The_order_of_the_nodes_does_not_matter()
    {
        var targets = ShardTargets.Of(View("a", "b", "c"));
        var others = ShardTargets.Of(View("c", "a", "b"));
        Assert.All(AllShards, shard => Assert.Equal(targets[shard], others[shard]));
    }

    [Fact]
    public void A_view_without_nodes_has_no_targets() => Assert.Null(ShardTargets.Of(View())[new Shard(0)]);

    [Fact]
    public void The_targets_of_a_view_are_computed_once()
    {
        var view = View("a", "b");
        Assert.Same(ShardTargets.Of(view), ShardTargets.Of(view));
    }

    private static IEnumerable<Shard> AllShards => Enumerable.Range(0, Shard.Count).Select(number => new Shard(number));

    private static ClusterView View(params string[] names) => new(1, [.. names.Select(name => new NodeId(name, 1))]);

    private static ImmutableArray<int> CountsOf(ClusterView view)
    {
        var targets = ShardTargets.Of(view);
        return [.. view.Nodes.Select(node => AllShards.Count(shard => targets[shard] == node))];
    }
}
