using System.Globalization;
using GrpcPresence.Cluster.Tests.Fixture;
using GrpcPresence.Testing;

namespace GrpcPresence.Cluster.Tests.Membership;

/// <summary>Nodes that reach each other stay in the view while PostgreSQL is away.</summary>
public sealed class DatabaseAwayTests
{
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(
        int.Parse(Environment.GetEnvironmentVariable("PRESENCE_DATABASE_AWAY_SECONDS") ?? "20", CultureInfo.InvariantCulture));

    [Fact]
    public async Task StoreAway_no_node_leaves_the_view_while_PostgreSQL_is_away()
    {
        TestDatabase.SkipIfMissing();
        using var server = PostgresServer.Start();
        await using var cluster = await TestCluster.StartAsync(3, TestDatabase.Create(server));

        server.Crash();
        // Nothing shows that a node goes on not being convicted, so this waits for real time.
        using (var timer = new PeriodicTimer(Away))
            await timer.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        server.Resume();

        // The view goes on from where it was: a node leaves it at once, and nobody else.
        cluster[2].Write("stop");
        await cluster[0].SeesAsync(cluster[0], cluster[1]);
        await cluster[1].SeesAsync(cluster[0], cluster[1]);
        Assert.All([cluster[0], cluster[1]], node => Assert.False(node.HasSaid("ended")));
    }

    [Fact]
    public async Task A_start_that_is_cancelled_while_PostgreSQL_is_away_ends_at_once()
    {
        TestDatabase.SkipIfMissing();
        using var server = PostgresServer.Start();
        using var logs = new RecordedLogs();
        var options = new ClusterTransportOptions
        {
            ClusterId = "test",
            AdvertisedAddress = TestDatabase.FreeAddress(),
            ConnectionString = TestDatabase.Create(server),
        };
        await using var transport = await ClusterTransport.CreateAsync(
            options, logs, TestContext.Current.CancellationToken);
        server.Crash();
        using var signal = new CancellationTokenSource();
        var start = transport.StartAsync(signal.Token);
        await logs.SeesAsync("MembershipTableManager");

        await signal.CancelAsync();

        // Orleans tries for a minute.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => start.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
    }
}
