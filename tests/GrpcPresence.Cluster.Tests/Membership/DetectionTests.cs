using System.Diagnostics;
using GrpcPresence.Cluster.Tests.Fixture;

namespace GrpcPresence.Cluster.Tests.Membership;

/// <summary>How soon the others notice that a node is gone.</summary>
public sealed class DetectionTests(ITestOutputHelper output)
{
    /// <summary>A session timeout is 75 s by default, and clients wait for a few seconds.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    [Theory]
    [InlineData("KILL")]
    [InlineData("STOP")]
    public async Task A_node_that_is_killed_or_stopped_leaves_the_view_within_5_s(string signal)
    {
        await using var cluster = await TestCluster.StartAsync(3);
        var (first, second, third) = (cluster[0], cluster[1], cluster[2]);

        var begin = third.Signal(signal);

        var times = new[] { await first.SeesAsync(first, second), await second.SeesAsync(first, second) };
        foreach (var time in times)
        {
            var elapsed = Stopwatch.GetElapsedTime(begin, time);
            output.WriteLine($"{signal}: {elapsed.TotalSeconds:0.00} s");
            Assert.InRange(elapsed, TimeSpan.Zero, Limit);
        }
    }
}
