using System.Diagnostics;
using GrpcPresence.Cluster.Tests.Fixture;

namespace GrpcPresence.Cluster.Tests.Membership;

/// <summary>How soon the others notice that a node is gone, and that a node which is there never leaves the view.</summary>
public sealed class DetectionTests(ITestOutputHelper output)
{
    /// <summary>A session timeout is 75 s by default, and clients wait for a few seconds.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task A_node_that_is_killed_leaves_the_view_within_5_s()
    {
        await using var cluster = await TestCluster.StartAsync(3);

        var begin = cluster[2].Signal("KILL");

        await CheckAsync(cluster, begin, "SIGKILL");
    }

    [Fact]
    public async Task A_node_that_is_paused_leaves_the_view_within_5_s_and_ends_when_it_goes_on()
    {
        await using var cluster = await TestCluster.StartAsync(3);

        var begin = cluster[2].Signal("STOP");

        await CheckAsync(cluster, begin, "SIGSTOP");
        var resumed = cluster[2].Signal("CONT");
        var (_, ended) = await cluster[2].NextAsync("ended");
        output.WriteLine($"ended after SIGCONT: {Stopwatch.GetElapsedTime(resumed, ended).TotalSeconds:0.00} s");
        Assert.InRange(Stopwatch.GetElapsedTime(resumed, ended), TimeSpan.Zero, Limit);
    }

    [Fact]
    public async Task A_node_that_stops_leaves_the_view_within_1_s()
    {
        await using var cluster = await TestCluster.StartAsync(3);

        var begin = Stopwatch.GetTimestamp();
        cluster[2].Write("stop");

        await CheckAsync(cluster, begin, "stop", TimeSpan.FromSeconds(1));
        var (_, stopped) = await cluster[2].NextAsync("stopped");
        output.WriteLine($"the stop took {Stopwatch.GetElapsedTime(begin, stopped).TotalSeconds:0.00} s");
        Assert.False(cluster[2].HasSaid("ended"));
    }

    [Fact]
    public async Task A_run_at_the_same_address_replaces_the_earlier_one_and_gets_none_of_its_messages()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        var (sender, earlier) = (cluster[0], cluster[1]);
        sender.Send(earlier.Self, 1);
        Assert.Equal($"received {sender.Self} 1", (await earlier.NextAsync("received")).Text);

        earlier.Signal("KILL");
        var later = await cluster.RestartAsync(earlier);
        // The sender may still see the earlier run.
        sender.Send(earlier.Self, 2);
        await sender.SeesAsync(sender, later);
        sender.Send(earlier.Self, 3);
        sender.Send(later.Self, 4);

        Assert.True(later.Self.Incarnation > earlier.Self.Incarnation, $"{later.Self} after {earlier.Self}");
        Assert.Equal($"received {sender.Self} 4", (await later.NextAsync("received")).Text);
    }

    [Fact]
    public async Task A_node_joins_after_all_others_were_killed()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        cluster[0].Signal("KILL");
        cluster[1].Signal("KILL");

        var begin = Stopwatch.GetTimestamp();
        var next = await cluster.AddAsync();

        var (_, joined) = await next.NextAsync("joined");
        output.WriteLine($"joined after {Stopwatch.GetElapsedTime(begin, joined).TotalSeconds:0.00} s");
    }

    [Fact]
    public async Task A_node_of_another_cluster_in_the_same_database_is_in_no_view()
    {
        await using var cluster = await TestCluster.StartAsync(1);
        await using var stranger = NodeProcess.Start(cluster.Database, cluster: "other");
        await stranger.SelfAsync();

        await stranger.SeesAsync(stranger);
        stranger.Send(cluster[0].Self, 1);
        stranger.Write("counters");

        Assert.Contains("DroppedNotInView = 1", (await stranger.NextAsync("counters")).Text, StringComparison.Ordinal);
        Assert.False(cluster[0].HasSaid("view"));
    }

    private async Task CheckAsync(TestCluster cluster, long begin, string what, TimeSpan? limit = null)
    {
        var (first, second) = (cluster[0], cluster[1]);
        foreach (var time in new[] { await first.SeesAsync(first, second), await second.SeesAsync(first, second) })
        {
            var elapsed = Stopwatch.GetElapsedTime(begin, time);
            output.WriteLine($"{what}: {elapsed.TotalSeconds:0.00} s");
            Assert.InRange(elapsed, TimeSpan.Zero, limit ?? Limit);
        }
    }
}
