using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Server.Composition.Cluster;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Server.Tests.Cluster;

/// <summary>Tests what the log says of the life of a node.</summary>
[Collection(SharedCluster.Collection)]
public sealed class NodeLogTests
{
    [Fact]
    public async Task The_log_has_a_line_for_each_event_of_a_node_and_no_identity()
    {
        await using var cluster = await TestCluster.StartAsync(nodes: 2);
        var (first, stopped) = (cluster.Nodes[0], cluster.Nodes[1]);
        var service = await first.CreateReachableServiceAsync();
        await first.BeatAsync(service, "somebody");
        await cluster.StopAsync(stopped);

        var lines = stopped.Log.Entries.Where(entry => entry.Category == typeof(NodeLoop).FullName).ToList();
        Assert.All(lines, line => Assert.Equal(LogLevel.Information, line.Level));
        string[] expected =
            ["Joined the cluster", "Confirmed after", "Opened ", "Ready after ", "Leaving the cluster", "The node has ended (Left)"];
        foreach (var begin in expected)
            Assert.Contains(lines, line => line.Text.StartsWith(begin, StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.Text.Contains("somebody") || line.Text.Contains(service));
    }

    [Theory]
    [InlineData(NodeEndReason.Left, LogLevel.Information)]
    [InlineData(NodeEndReason.LeaveTimedOut, LogLevel.Error)]
    [InlineData(NodeEndReason.NotInView, LogLevel.Error)]
    [InlineData(NodeEndReason.Unconfirmed, LogLevel.Error)]
    public void The_end_of_a_node_that_has_not_left_is_an_error(NodeEndReason reason, LogLevel level) =>
        Assert.Equal(level, LevelOf(new NodeEnded(new NodeEnd(reason, "Detail."))));

    [Fact]
    public void A_node_that_is_not_confirmed_any_more_is_a_warning() =>
        Assert.Equal(LogLevel.Warning, LevelOf(new NodeUnconfirmed(TimeSpan.FromSeconds(3), [])));

    private static LogLevel LevelOf(NodeEvent happened)
    {
        using var log = new LogRecorder();
        NodeLog.Write(log.CreateLogger("node"), happened);
        return Assert.Single(log.Entries).Level;
    }
}
