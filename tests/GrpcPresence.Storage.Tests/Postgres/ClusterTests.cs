using System.Collections.Immutable;
using System.Diagnostics;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Storage.Postgres.Cluster;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;
using Npgsql;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>Rows, locks and sessions of several nodes, as far as only PostgreSQL has them.</summary>
public sealed class ClusterTests : IDisposable
{
    private readonly string _connectionString = PostgresTests.RentSchema();
    private readonly List<PostgresClusterStore> _stores = [];
    private readonly NodeId _a = new("a", 1);
    private readonly NodeId _b = new("b", 1);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _stores.ForEach(store => store.Dispose());
        PostgresTests.ReturnSchema(_connectionString);
    }

    [Fact]
    public async Task A_session_that_holds_the_fence_row_is_ended_by_an_eviction()
    {
        var (a, b) = (await JoinAsync(_a), await JoinAsync(_b));
        await using var holder = await HoldAsync("SELECT FROM nodes WHERE name = 'b' FOR UPDATE", b.SessionName);
        var data = (await a.PollAsync(KnownCluster.Nothing, Stop)).Identity;

        var began = Stopwatch.GetTimestamp();
        Assert.True(await a.EvictAsync(_b, data, 0, Stop));
        var took = Stopwatch.GetElapsedTime(began);

        TestContext.Current.TestOutputHelper!.WriteLine($"{took}");
        Assert.True(took < TimeSpan.FromSeconds(2), $"{took}"); // about 0.4 s on an idle machine
        PostgresTests.WaitUntil(
            _connectionString,
            $"NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '{b.SessionName}' AND state LIKE 'idle in%')");
    }

    [Fact]
    public async Task A_commit_that_waits_for_a_lock_is_ended_with_its_run_and_writes_nothing()
    {
        var (a, b) = (await JoinAsync(_a), await JoinAsync(_b));
        var service = AddService(a, _a);
        var session = SessionOf(b, _b);
        session.UpdateService(session.FindService(service.Sid)! with { FriendlyName = "late" });
        var writes = Build(session, _b);
        await using var block = await HoldAsync("SELECT FROM services FOR UPDATE");
        var committing = Task.Run(() => session.Commit(writes), Stop);
        WaitForLock(b.SessionName);

        Assert.True(await a.EvictAsync(_b, (await a.PollAsync(KnownCluster.Nothing, Stop)).Identity, 0, Stop));

        await Assert.ThrowsAsync<StorageException>(() => committing);
        await block.DisposeAsync();
        Assert.Equal(service.FriendlyName, (await a.FindServiceAsync(service.Sid, Stop))!.FriendlyName);
        await Assert.ThrowsAsync<NodeEvictedException>(async () => await b.ReopenAsync());
    }

    [Fact]
    public async Task An_eviction_does_not_end_the_session_of_somebody_else()
    {
        var a = await JoinAsync(_a);
        await JoinAsync(_b);
        var data = (await a.PollAsync(KnownCluster.Nothing, Stop)).Identity;
        await using (var holder = await HoldAsync("SELECT FROM nodes WHERE name = 'b' FOR UPDATE", "somebody"))
        {
            await Assert.ThrowsAsync<StorageException>(async () => await a.EvictAsync(_b, data, 0, Stop));
            await using var alive = new NpgsqlCommand("SELECT 1", holder);
            Assert.Equal(1, await alive.ExecuteScalarAsync(Stop));
        }
        Assert.True(await a.EvictAsync(_b, data, 0, Stop));
    }

    [Fact]
    public async Task Renewals_and_polls_wait_neither_for_a_claim_nor_for_a_commit_of_the_node()
    {
        var a = await JoinAsync(_a);
        var service = AddService(a, _a);
        var data = (await a.PollAsync(KnownCluster.Nothing, Stop)).Identity;
        var session = SessionOf(a, _a);
        session.UpdateService(session.FindService(service.Sid)! with { FriendlyName = "renamed" });
        var writes = Build(session, _a);
        Task<CommitResult> committing;
        await using (await HoldAsync("SELECT FROM services FOR UPDATE"))
        {
            committing = Task.Run(() => session.Commit(writes), Stop);
            WaitForLock(a.SessionName);

            Assert.Equal([_a], (await a.RenewAsync(_a, 1, [], Stop)).Members);
            Assert.Single(await a.ClaimAsync(_a, data, [new Shard(1)], Stop));
        }
        Assert.True((await committing).IsWhole);

        Task<ImmutableArray<ShardHolder>> claiming;
        await using (await HoldAsync("SELECT FROM cluster FOR UPDATE"))
        {
            claiming = a.ClaimAsync(_a, data, [new Shard(2)], Stop).AsTask();
            WaitForLock(a.CallerName);

            Assert.Equal([_a], (await a.RenewAsync(_a, 2, [_a], Stop)).Members);
            Assert.Equal(2, (await a.PollAsync(KnownCluster.Nothing, Stop)).Leases[0].Renewal);
        }
        Assert.Single(await claiming);
    }

    [Fact]
    public async Task Nodes_that_commit_to_the_same_service_instances_in_opposite_order_do_not_deadlock()
    {
        var (a, b) = (await JoinAsync(_a), await JoinAsync(_b));
        ServiceRecord[] services = [AddService(a, _a), AddService(a, _a, 2), AddService(a, _a, 3)];
        var deadlocks = Deadlocks();

        await Task.WhenAll(
            Task.Run(() => Commit(a, _a, services), Stop), Task.Run(() => Commit(b, _b, [.. services.Reverse()]), Stop));

        Assert.Equal(deadlocks, Deadlocks());
        static void Commit(PostgresClusterStore store, NodeId node, ServiceRecord[] services)
        {
            for (var round = 0; round < 300; round++)
            {
                var session = SessionOf(store, node);
                foreach (var service in services)
                    session.UpdateService(service);
                Assert.True(session.Commit(Build(session, node)).IsWhole);
            }
        }
    }

    [Fact]
    public async Task Claims_switches_evictions_and_joins_at_once_do_not_deadlock()
    {
        var a = await JoinAsync(_a);
        var b = await JoinAsync(_b);
        var data = (await a.PollAsync(KnownCluster.Nothing, Stop)).Identity;
        Shard[] shards = [.. Enumerable.Range(0, 64).Select(number => new Shard(number))];
        var deadlocks = Deadlocks();
        var guests = Task.Run(
            async () =>
            {
                for (var run = 1; run <= 30; run++)
                {
                    var guest = new NodeId("guest", run);
                    using var store = await PostgresTests.OpenNodeAsync(_connectionString);
                    Assert.Null(await store.JoinAsync(guest, Stop));
                    await store.ClaimAsync(guest, data, shards, Stop);
                    Assert.True(await a.EvictAsync(guest, data, 0, Stop));
                }
            },
            Stop);
        var claims = Task.Run(
            async () =>
            {
                while (!guests.IsCompleted)
                {
                    var taken = await b.ClaimAsync(_b, data, shards, Stop);
                    var writes = Build(SessionOf(b, _b), _b);
                    writes.Switches.AddRange(taken.Select(held => new ShardSwitch(held.Shard, held.Epoch, _a)));
                    Assert.Empty(StoreSession.Of(b).Commit(writes).LostShards);
                    await b.RenewAsync(_b, Stopwatch.GetTimestamp(), [], Stop);
                    var held = (await a.PollAsync(KnownCluster.Nothing, Stop)).Shards.Where(row => row.Node == _a);
                    writes = Build(SessionOf(a, _a), _a);
                    writes.Switches.AddRange(held.Select(row => new ShardSwitch(row.Shard, row.Epoch, _b)));
                    StoreSession.Of(a).Commit(writes);
                }
            },
            Stop);

        await guests;
        await claims;

        Assert.Equal(deadlocks, Deadlocks());
    }

    private async Task<PostgresClusterStore> JoinAsync(NodeId node)
    {
        var store = await PostgresTests.OpenNodeAsync(_connectionString);
        _stores.Add(store);
        Assert.Null(await store.JoinAsync(node, Stop));
        await store.ReopenAsync();
        return store;
    }

    private static StoreSession SessionOf(PostgresClusterStore store, NodeId node)
    {
        var session = StoreSession.Of(store);
        session.Node = node;
        return session;
    }

    private static BatchWrites Build(StoreSession session, NodeId node)
    {
        session.Node = node;
        return session.Build();
    }

    private static ServiceRecord AddService(PostgresClusterStore store, NodeId node, int number = 1)
    {
        var session = SessionOf(store, node);
        var service = session.InsertService(Sample.Service(number) with { Revision = 1 });
        Assert.True(session.Commit().IsWhole);
        return service;
    }

    private long Deadlocks() =>
        PostgresServer.Query<long>(_connectionString, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");

    private void WaitForLock(string session) => PostgresTests.WaitUntil(
        _connectionString,
        $"EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '{session}' AND wait_event_type = 'Lock')");

    /// <summary>Runs a statement in a transaction that stays open until it is disposed of.</summary>
    private async Task<NpgsqlConnection> HoldAsync(string statement, string name = "test")
    {
        var connection = new NpgsqlConnection($"{_connectionString};Pooling=false;Application Name={name}");
        await connection.OpenAsync(Stop);
#pragma warning disable CA2100 // a constant
        await using var command = new NpgsqlCommand($"BEGIN; {statement}", connection);
#pragma warning restore CA2100
        await command.ExecuteNonQueryAsync(Stop);
        return connection;
    }
}
