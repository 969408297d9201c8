using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Core.Tests.Cluster.Simulation;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>A store that fails at once is not asked again and again. The loop of a node runs many times a second.</summary>
public sealed class StoreAwayTests : IAsyncLifetime
{
    private const int Seconds = 5;

    private readonly RunningNodes _nodes = new();

    public async ValueTask InitializeAsync() => await _nodes.CreateServiceAsync();

    public ValueTask DisposeAsync()
    {
        _nodes.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData(ClusterCall.Join)]
    [InlineData(ClusterCall.Claim)]
    [InlineData(ClusterCall.List)]
    [InlineData(ClusterCall.Poll)]
    [InlineData(ClusterCall.Renew)]
    public void StoreAway_a_node_that_starts_asks_a_store_that_fails_at_most_four_times_a_second(ClusterCall call)
    {
        var node = _nodes.Start("a");
        node.Store.ClusterFaults.Fail(call);

        // Without a poll or a renewal, the node ends after two seconds.
        RequireFewCalls(
            () => node.Store.ClusterFaults.CountOf(call), after: call is ClusterCall.Poll or ClusterCall.Renew ? 0 : 3);
    }

    [Fact]
    public void StoreAway_a_node_asks_a_store_to_let_it_leave_at_most_four_times_a_second()
    {
        var node = Start();
        node.Store.ClusterFaults.Fail(ClusterCall.Leave);
        node.Node.Leave();

        RequireFewCalls(() => node.Store.ClusterFaults.CountOf(ClusterCall.Leave), after: 2);
    }

    [Fact]
    public void StoreAway_a_node_reads_settings_that_have_changed_at_most_four_times_a_second()
    {
        var node = Start();
        node.Store.Faults.FailReads(true);
        _nodes.Store.CommitFromOutside(image => image with
        {
            Cluster = image.Cluster with { ChangesVersion = image.Cluster.ChangesVersion + 1 },
        });

        RequireFewCalls(() => node.Store.Faults.Reads, after: 1);
    }

    [Fact]
    public void A_node_asks_at_most_four_times_a_second_whether_its_earlier_run_has_ended()
    {
        var earlier = Start();
        earlier.IsPaused = true; // the view shows it, so nobody evicts it
        var node = _nodes.Start("a");

        RequireFewCalls(() => node.Store.ClusterFaults.CountOf(ClusterCall.Join), after: 0, seconds: 1);
    }

    [Fact]
    public void A_node_claims_what_others_hold_at_most_four_times_a_second_until_a_poll_shows_them()
    {
        var node = _nodes.Start("a");
        node.Store.ClusterFaults.Hold(ClusterCall.Claim);
        while (node.Store.ClusterFaults.Held == 0)
            _nodes.Advance(Limits.NodeStep);
        _nodes.Store.CommitFromOutside(image => image with
        {
            Cluster = image.Cluster with
            {
                Epoch = 5,
                Shards = image.Cluster.Shards.SetItems(Enumerable.Range(0, Shard.Count).Select(number =>
                    KeyValuePair.Create(number, new ShardHolder(new Shard(number), new NodeId("b", 1), Epoch: 5)))),
            },
        });
        node.Store.ClusterFaults.Hold(ClusterCall.Poll);
        node.Store.ClusterFaults.Release(0);

        RequireFewCalls(() => node.Store.ClusterFaults.CountOf(ClusterCall.Claim), after: 0, seconds: 2);
    }

    [Fact]
    public void StoreAway_a_node_whose_polls_take_longer_than_a_second_gives_no_shard_away()
    {
        var a = Start();
        var faults = a.Store.ClusterFaults;
        faults.Hold(ClusterCall.Poll);
        _nodes.Advance(TimeSpan.FromSeconds(1));
        var b = _nodes.Start("b");
        var (polls, age, answered) = (faults.CountOf(ClusterCall.Poll), TimeSpan.Zero, 0);
        for (var time = TimeSpan.Zero; time < TimeSpan.FromSeconds(8); time += Limits.NodeStep)
        {
            _nodes.Advance(Limits.NodeStep);
            age = faults.CountOf(ClusterCall.Poll) == polls ? age + Limits.NodeStep : TimeSpan.Zero;
            polls = faults.CountOf(ClusterCall.Poll);
            if (age >= TimeSpan.FromSeconds(1.2))
            {
                faults.Release(0);
                answered++;
            }
        }

        Assert.InRange(answered, 3, int.MaxValue);
        Assert.DoesNotContain(_nodes.Store.Image.Cluster.Shards.Values, held => held.Node == b.Id);
        faults.Clear();
        _nodes.Advance(TimeSpan.FromSeconds(3));
        Assert.Contains(_nodes.Store.Image.Cluster.Shards.Values, held => held.Node == b.Id);
    }

    private void RequireFewCalls(Func<int> count, int after, int seconds = Seconds)
    {
        _nodes.Advance(TimeSpan.FromSeconds(after));
        var before = count();
        _nodes.Advance(TimeSpan.FromSeconds(seconds));

        Assert.InRange(count() - before, 1, 4 * seconds);
    }

    private SimulatedNode Start()
    {
        var node = _nodes.Start("a");
        _nodes.Advance(TimeSpan.FromSeconds(3));
        Assert.True(node.Node.IsReady);
        return node;
    }
}
