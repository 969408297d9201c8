using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;

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
}
