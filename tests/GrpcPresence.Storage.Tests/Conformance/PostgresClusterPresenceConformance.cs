using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Storage.Postgres.Cluster;
using GrpcPresence.Storage.Tests.Postgres;
using GrpcPresence.Testing;
using Npgsql;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>
/// The only node of a cluster, which holds all shards, keeps the contract of a store without a cluster. A start begins no timeline, so a
/// restart lets the database forget its data, as when a node alone has used it in between.
/// </summary>
public sealed class PostgresClusterPresenceConformance : PresenceStoreConformance, IDisposable
{
    private readonly string _connectionString = PostgresTests.RentSchema();
    private PostgresClusterStore _store;
    private NodeId _node = new("a", 0);
    private NpgsqlConnection? _outside;

    public PostgresClusterPresenceConformance() => _store = Start();

    protected override IPresenceStore Store => _store;

    public void Dispose()
    {
        _outside?.Dispose();
        _store.Dispose();
        PostgresTests.ReturnSchema(_connectionString);
    }

    protected override void Restart()
    {
        _store.Dispose();
        PostgresServer.Execute(_connectionString, "UPDATE cluster SET data = NULL");
        _store = Start();
    }

    protected override Action<string> OpenAnotherWriter()
    {
        _outside = new NpgsqlConnection($"{_connectionString};Pooling=false");
        _outside.Open();
        return name =>
        {
            using var rename = new NpgsqlCommand("UPDATE services SET friendly_name = convert_to($1, 'UTF8')", _outside);
            rename.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
            rename.ExecuteNonQuery();
        };
    }

    protected override object Backup() => PostgresServer.Shared.Dump(_connectionString);

    protected override void Restore(object backup)
    {
        _store.Dispose();
        PostgresServer.Shared.Restore(_connectionString, (string)backup);
        _store = Start();
    }

    private PostgresClusterStore Start() => StartAsync().GetAwaiter().GetResult();

    private async Task<PostgresClusterStore> StartAsync()
    {
        var store = await PostgresTests.OpenNodeAsync(_connectionString);
        _node = _node with { Incarnation = _node.Incarnation + 1 };
        if (await store.JoinAsync(_node, Stop) is { } earlier)
        {
            Assert.True(await store.EvictAsync(earlier.Node, earlier.Data, earlier.Renewal, Stop));
            Assert.Null(await store.JoinAsync(_node, Stop));
        }
        var data = (await store.PollAsync(KnownCluster.Nothing, Stop)).Identity;
        Shard[] shards = [.. Enumerable.Range(0, Shard.Count).Select(number => new Shard(number))];
        Assert.Equal(shards.Length, (await store.ClaimAsync(_node, data, shards, Stop)).Length);
        StoreSession.Of(store).Node = _node;
        return store;
    }
}
