using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Storage.Postgres.Cluster;
using GrpcPresence.Storage.Postgres.Schema;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>A database is used by one node alone, or by the nodes of one cluster.</summary>
public sealed class ClusterOpeningTests
{
    private static readonly ServiceSid Sid = Sample.ServiceSid(1);
    private static readonly NodeId Node = new("a", 1);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_node_of_a_cluster_does_not_open_the_database_of_a_node_that_uses_it_alone()
    {
        var database = PostgresTests.NewDatabase();
        using var alone = PostgresTests.Open(database);
        var before = Contents(database);

        await RejectedAsync(() => PostgresTests.OpenNodeAsync(database), PostgresRejection.InUse);

        Assert.Equal(before, Contents(database));
        StoreSession.Of(alone).Commit();
    }

    [Fact]
    public async Task A_node_does_not_open_the_database_of_a_cluster_alone()
    {
        var database = PostgresTests.NewDatabase();
        using var node = await JoinAsync(database);

        await RejectedAsync(() => PostgresTests.OpenAsync(database), PostgresRejection.InUse);

        Assert.Equal([Node], (await node.RenewAsync(Node, 1, [], Stop)).Members);
        StoreSession.Of(node).Reopen();
    }

    [Fact]
    public async Task A_cluster_whose_nodes_are_gone_gives_the_database_to_a_node_and_none_of_them_writes_again()
    {
        var database = PostgresTests.NewDatabase();
        using var relay = new SocketRelay(PostgresServer.Shared.Directory);
        using var lost = await JoinAsync(database.Replace(PostgresServer.Shared.Directory, relay.Directory, StringComparison.Ordinal));
        await lost.ClaimAsync(Node, (await lost.PollAsync(KnownCluster.Nothing, Stop)).Identity, [new Shard(1)], Stop);
        relay.Cut();
        relay.EndServerSides();

        using (var alone = PostgresTests.Open(database))
            StoreSession.Of(alone).Commit();

        await Assert.ThrowsAsync<NodeEvictedException>(async () => await lost.ReopenAsync());
        await Assert.ThrowsAsync<NodeEvictedException>(async () => await lost.RenewAsync(Node, 1, [], Stop));
        using var next = await JoinAsync(database, incarnation: 2);
        Assert.Null((await next.PollAsync(KnownCluster.Nothing, Stop)).Shards.Single().Node);
    }

    [Fact]
    public async Task A_node_does_not_join_once_another_one_has_taken_the_database_alone()
    {
        var database = PostgresTests.NewDatabase();
        using var node = await PostgresTests.OpenNodeAsync(database);
        using var alone = PostgresTests.Open(database);

        await Assert.ThrowsAsync<StorageException>(async () => await node.JoinAsync(Node, Stop));

        StoreSession.Of(alone).Commit();
    }

    [Fact]
    public async Task OneTimeline_a_database_can_change_between_a_node_alone_and_a_cluster_and_tokens_stay_valid()
    {
        var database = PostgresTests.NewDatabase();
        var (timelines, service) = (new List<Guid>(), default(ServiceRecord)!);
        for (var turn = 1; turn <= 3; turn++)
        {
            using (var alone = PostgresTests.Open(database))
            {
                service = Raise(alone, node: null);
                timelines.Add(alone.TimelineOf(service));
            }
            using var node = await JoinAsync(database, turn);
            service = Raise(node, Node with { Incarnation = turn });
            timelines.Add(node.TimelineOf(service));
            Assert.True(await node.LeaveAsync(
                Node with { Incarnation = turn }, (await node.PollAsync(KnownCluster.Nothing, Stop)).Identity, Stop));
        }

        using var last = PostgresTests.Open(database);
        Assert.Equal(6, timelines.Distinct().Count());
        for (var i = 0; i < timelines.Count; i++)
            Assert.Equal(i + 1, await last.FindTimelineEndAsync(service, timelines[i], Stop));
    }

    [Theory]
    [InlineData("other", 1, PostgresRejection.OtherCluster)]
    [InlineData("test", 2, PostgresRejection.OtherSecret)]
    public async Task A_node_of_another_cluster_or_with_another_secret_is_refused_and_changes_nothing(
        string cluster, byte secret, PostgresRejection rejection)
    {
        var database = PostgresTests.NewDatabase();
        using var node = await JoinAsync(database);
        var before = Contents(database);

        await RejectedAsync(() => PostgresTests.OpenNodeAsync(database, cluster, secret), rejection);

        Assert.Equal(before, Contents(database));
    }

    [Fact]
    public async Task The_stored_check_of_the_secret_contains_no_secret()
    {
        var secret = new byte[] { 1, 2, 3, 4 };
        var check = PostgresClusterOptions.CheckOf(secret, "test");
        Assert.Equal(32, check.Length);
        Assert.NotEqual(check.ToArray(), PostgresClusterOptions.CheckOf(secret, "other").ToArray());
        var database = PostgresTests.NewDatabase();
        using var node = await PostgresTests.OpenNodeAsync(database, secret: 7);
        Assert.Equal(
            PostgresClusterOptions.CheckOf([7], "test").ToArray(),
            PostgresServer.Query<byte[]>(database, "SELECT secret_check FROM cluster"));
    }

    [Fact]
    public async Task A_program_that_knows_no_cluster_does_not_start_on_the_database_of_one()
    {
        var database = PostgresTests.NewDatabase();
        PostgresTests.Open(database).Dispose();
        Assert.Equal(Migrations.UsableFrom, PostgresServer.Query<int>(database, "SELECT usable_from FROM schema_version"));

        (await PostgresTests.OpenNodeAsync(database)).Dispose();

        Assert.Equal(5, PostgresServer.Query<int>(database, "SELECT usable_from FROM schema_version"));
    }

    private static async Task<PostgresClusterStore> JoinAsync(string database, long incarnation = 1)
    {
        var store = await PostgresTests.OpenNodeAsync(database);
        Assert.Null(await store.JoinAsync(Node with { Incarnation = incarnation }, Stop));
        await store.ReopenAsync();
        return store;
    }

    /// <summary>Takes one revision of the service instance, which is created first.</summary>
    private static ServiceRecord Raise(PostgresPresenceStore store, NodeId? node)
    {
        var session = StoreSession.Of(store);
        session.Node = node;
        if (session.FindService(Sid) is { } service)
            session.UpdateService(service with { Revision = service.Revision + 1 });
        else
            session.InsertService(Sample.Service() with { Revision = 1 });
        Assert.True(session.Commit().IsWhole);
        return session.FindService(Sid)!;
    }

    private static async Task RejectedAsync(Func<Task> open, PostgresRejection rejection)
    {
        var rejected = await Assert.ThrowsAsync<PostgresRejectedException>(open);
        Assert.Equal(rejection, rejected.Rejection);
        Assert.DoesNotContain('\n', rejected.Message);
    }

    private static string Contents(string database) => PostgresServer.Query<string>(
        database,
        """
        SELECT concat(
            (SELECT json_agg(n) FROM nodes AS n), (SELECT json_agg(c) FROM cluster AS c), (SELECT json_agg(t) FROM timelines AS t),
            (SELECT json_agg(v) FROM schema_version AS v))
        """);
}
