using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Storage.Postgres.Cluster;
using GrpcPresence.Storage.Postgres.Native;
using GrpcPresence.Storage.Postgres.Schema;
using GrpcPresence.Storage.Tests.Postgres;
using GrpcPresence.Testing;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace GrpcPresence.Storage.Tests.Conformance;

public sealed class PostgresClusterStoreConformance : ClusterStoreConformance, IDisposable
{
    private readonly string _connectionString = PostgresTests.RentSchema();
    private readonly List<(PostgresClusterStore Store, SocketRelay Relay, FakeTimeProvider Time)> _nodes = [];
    private bool _wentBack; // so no other test can use the schema

    public void Dispose()
    {
        foreach (var (store, relay, _) in _nodes)
        {
            store.Dispose();
            relay.Dispose();
        }
        if (!_wentBack)
            PostgresTests.ReturnSchema(_connectionString);
    }

    protected override IClusterStore OpenNode()
    {
        var relay = new SocketRelay(PostgresServer.Shared.Directory);
        var time = new FakeTimeProvider();
        var throughRelay = new NpgsqlConnectionStringBuilder(_connectionString) { Host = relay.Directory }.ConnectionString;
        var store = PostgresTests.OpenNode(throughRelay, time: time);
        _nodes.Add((store, relay, time));
        return store;
    }

    protected override Func<Task> SendLate(IClusterStore store, BatchWrites writes)
    {
        var (node, relay, time) = _nodes.Single(opened => opened.Store == store);
        var writer = node.WritingSession;
        var release = relay.HoldRequests();
        var committing = Task.Run(() => node.CommitAsync(writes).AsTask());
        for (var attempt = 0; attempt < 2000 && !committing.IsCompleted; attempt++)
        {
            time.Advance(PostgresConnections.AnswerLimit);
            PostgresServer.Query<int>(_connectionString, "SELECT 1");
        }
        Assert.Throws<StorageException>(() => { _ = committing.GetAwaiter().GetResult(); });
        return () =>
        {
            release();
            // The call that was given up closes its connection when it is answered.
            PostgresTests.WaitUntil(_connectionString, $"NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {writer})");
            return Task.CompletedTask;
        };
    }

    /// <summary>
    /// Goes back in one transaction, which readers see as a whole. Another table of the fence rows makes the data another one, as after a
    /// restored dump.
    /// </summary>
    protected override Task<Func<Task>> BackUpAsync()
    {
        _wentBack = true;
        foreach (var table in DatabaseInspection.Tables)
            PostgresServer.Execute(_connectionString, $"CREATE TABLE kept_{table} AS TABLE {table}");
        var restore = string.Concat(DatabaseInspection.Tables.Select(table =>
            $"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table};"));
        return Task.FromResult(() =>
        {
            PostgresServer.Execute(
                _connectionString,
                $"""
                BEGIN; {restore}
                ALTER TABLE nodes RENAME TO nodes_before; CREATE TABLE nodes (LIKE nodes_before INCLUDING ALL);
                INSERT INTO nodes SELECT * FROM nodes_before; COMMIT
                """);
            return Task.CompletedTask;
        });
    }

    /// <summary>Stops the poll between two of its statements: a part of its messages does not reach the server.</summary>
    protected override async Task<ClusterPoll> PollDuringAsync(IClusterStore store, KnownCluster known, Func<Task> changes)
    {
        var (node, relay, _) = _nodes.Single(opened => opened.Store == store);
        // The transaction and the first statement. If they are prepared, a few more, but not all.
        var release = relay.HoldRequests(passing: 8);
        var polling = store.PollAsync(known, TestContext.Current.CancellationToken).AsTask();
        PostgresTests.WaitUntil(
            _connectionString,
            $"""
            EXISTS (
                SELECT FROM pg_stat_activity
                WHERE application_name = '{node.CallerName}' AND state = 'active' AND wait_event = 'ClientRead')
            """);
        await changes();
        release();
        return await polling;
    }
}
