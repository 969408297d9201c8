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
}
