using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Testing.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Confirmation;

/// <summary>What faults do not cost, over seeds: a dead node is evicted soon, and a store that is away deposes no node.</summary>
public sealed class LivenessTests
{
    // One message in twenty is repeated, and one in twenty takes up to 100 ms.
    private static readonly NetworkConditions Fair =
        new() { Duplication = 0.05, SlowShare = 0.05, SlowDelay = TimeSpan.FromMilliseconds(100) };

    // One message in twenty is lost, which a connection hides unless it breaks.
    private static readonly NetworkConditions Lossy = Fair with { Loss = 0.05 };

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(7)]
    public void NoFalseOffline_a_node_that_is_killed_is_evicted_within_seconds(int nodes)
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var cluster = Started(seed, nodes);
            cluster.Network.Conditions = Lossy;
            var killed = cluster.Nodes[seed % nodes];
            cluster.Kill(killed);
            // Until its failure is detected, the others see the view, a poll, and some lost requests.
            cluster.Run(cluster.Membership.MaxDetection + TimeSpan.FromSeconds(2.5));
            Assert.False(cluster.Store.IsActive(killed.Id), $"Seed {seed}: {killed.Id} was not evicted.");
            Assert.Equal(nodes - 1, cluster.Nodes.Count);
        }
    }

    /// <summary>
    /// Only the store can confirm the survivor of two, and only the survivor asks for the eviction. So a lost request delays the eviction
    /// by the timeout of the store, and three lost renewals in a row end the survivor: a lost one is given up after a second.
    /// </summary>
    [Fact]
    public void NoFalseOffline_the_survivor_of_two_evicts_the_other_unless_three_renewals_in_a_row_are_lost()
    {
        const int Seeds = 400;
        var ended = 0;
        for (var seed = 0; seed < Seeds; seed++)
        {
            var cluster = Started(seed, nodes: 2);
            cluster.Network.Conditions = Lossy;
            var (killed, survivor) = (cluster.Nodes[seed % 2], cluster.Nodes[1 - (seed % 2)]);
            cluster.Kill(killed);
            cluster.Run(cluster.Membership.MaxDetection + TimeSpan.FromSeconds(2.5) + (2 * ConfirmingNode.StoreTimeout));
            if (survivor.HasStopped)
            {
                ended++;
                Assert.True(survivor.UnansweredRenewals == 3, $"Seed {seed}: {survivor.UnansweredRenewals} renewals were lost.");
            }
            else
            {
                Assert.False(cluster.Store.IsActive(killed.Id), $"Seed {seed}: {killed.Id} was not evicted.");
            }
        }
        Assert.InRange(ended, 0, Seeds / 50); // a renewal or its answer is lost once in ten times
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(7)]
    public void StoreAway_lost_messages_depose_no_node(int nodes)
    {
        for (var seed = 0; seed < 10; seed++)
        {
            var cluster = Started(seed, nodes);
            cluster.Network.Conditions = Lossy;
            cluster.Network.Detach(LeaseStore.Address);
            cluster.Run(TimeSpan.FromSeconds(60));
            Assert.Equal(nodes, cluster.Nodes.Count);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(7)]
    public void StoreAway_a_minute_without_the_store_deposes_no_node(int nodes)
    {
        for (var seed = 0; seed < 10; seed++)
        {
            var cluster = Started(seed, nodes);
            // With some stores, requests fail; with others, they are kept and executed in the end.
            if (seed % 2 == 0)
                cluster.Network.Detach(LeaseStore.Address);
            else
                cluster.Network.Pause(LeaseStore.Address);
            cluster.Run(TimeSpan.FromSeconds(60), () => RequireAnswers(cluster, nodes, seed));
            if (seed % 2 == 0)
                cluster.AttachStore();
            else
                cluster.Network.Resume(LeaseStore.Address);
            cluster.Run(TimeSpan.FromSeconds(5), () => RequireAnswers(cluster, nodes, seed));
        }
    }

    [Fact]
    public void StoreAway_nodes_that_reach_a_majority_go_on_and_the_others_stop()
    {
        for (var seed = 0; seed < 10; seed++)
        {
            var cluster = Started(seed, 5);
            cluster.Network.Detach(LeaseStore.Address);
            for (var one = 0; one < 2; one++)
            {
                for (var other = 2; other < 5; other++)
                    cluster.Network.CutPair($"n{one}", $"n{other}");
            }
            cluster.Run(TimeSpan.FromSeconds(10));
            Assert.Equal(["n2", "n3", "n4"], cluster.Nodes.Select(node => node.Id.Name));
            Assert.All(cluster.Nodes, node => Assert.True(node.Answers));
        }
    }

    [Fact]
    public void A_dead_node_is_evicted_in_the_end_where_no_majority_can_vote()
    {
        var cluster = Started(seed: 1, nodes: 3);
        foreach (var node in cluster.Nodes.Skip(1).ToArray())
            cluster.Kill(node);
        cluster.Run(TimeSpan.FromSeconds(110));
        Assert.NotEmpty(cluster.DeadButActive);
        cluster.Run(TimeSpan.FromSeconds(20));
        Assert.Empty(cluster.DeadButActive);
    }

    [Fact]
    public void A_node_that_is_paused_for_longer_than_detection_stops_when_it_goes_on()
    {
        var cluster = Started(seed: 1, nodes: 3);
        var paused = cluster.Nodes[1];
        cluster.Pause(paused);
        cluster.Membership.Fail(paused.Id);
        cluster.Run(TimeSpan.FromSeconds(60));
        Assert.False(cluster.Store.IsActive(paused.Id));
        Assert.Equal(ConfirmationState.Lost, paused.State);
        cluster.Resume(paused);
        cluster.Run(TimeSpan.FromSeconds(1));
        Assert.DoesNotContain(paused, cluster.Nodes);
    }

    private static ConfirmingCluster Started(int seed, int nodes)
    {
        var cluster = new ConfirmingCluster(seed, nodes);
        cluster.Membership.MaxLag = TimeSpan.FromMilliseconds(500);
        cluster.Run(TimeSpan.FromSeconds(4));
        cluster.Network.Conditions = Fair;
        cluster.Run(TimeSpan.FromSeconds(1));
        return cluster;
    }

    private static void RequireAnswers(ConfirmingCluster cluster, int nodes, int seed)
    {
        Assert.Equal(nodes, cluster.Nodes.Count);
        foreach (var node in cluster.Nodes)
            Assert.True(node.Answers, $"Seed {seed}: {node.Id} is not confirmed at {cluster.Now}.");
    }
}
