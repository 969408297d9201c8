using System.Security.Cryptography;
using GrpcPresence.Storage.Postgres.Native;
using GrpcPresence.Storage.Postgres.Store;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Cluster;

/// <summary>Makes a database one of a cluster, and refuses one that belongs to another cluster.</summary>
internal sealed class ClusterDatabase(PostgresConnections connections, PostgresStoreOptions options, PostgresClusterOptions cluster)
{
    private const string Exists = "SELECT to_regclass(format('%I.cluster', current_schema())) IS NOT NULL";

    private const string Find = "SELECT id, secret_check, has_shards FROM cluster";

    private const string Store = "UPDATE cluster SET id = $1, secret_check = $2 WHERE id IS NULL";

    // Programs before this schema know no cluster, and would use the database beside it.
    private const string KeepOldProgramsAway = "UPDATE schema_version SET usable_from = 5 WHERE usable_from < 5";

    private const string ListHolders = "SELECT id FROM nodes WHERE name IS NULL AND state = 'active' ORDER BY id";

    /// <summary>Refuses the database of another cluster, and one whose nodes have another secret. Changes nothing.</summary>
    /// <exception cref="PostgresRejectedException">The database belongs to another cluster, or its secret differs.</exception>
    public async Task CheckAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var exists = new NpgsqlCommand(Exists, connection);
        if ((bool)(await exists.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!)
            await FindAsync(connection, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Waits until no node uses the database alone. Then makes it one of this cluster, and fills in the shards of rows that have none.
    /// </summary>
    /// <exception cref="PostgresRejectedException">A node uses it alone, it belongs to another cluster, or its secret differs.</exception>
    public async Task EnterAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        foreach (var id in await ListHoldersAsync(connection, cancellationToken).ConfigureAwait(false))
            await new NodeRow(connections, options, id, incarnation: 0).EndAsync(connection, cancellationToken).ConfigureAwait(false);
        await using (var store = new NpgsqlCommand(Store, connection))
        {
            store.Parameters.Add(new NpgsqlParameter<string> { TypedValue = cluster.ClusterId });
            store.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = cluster.SecretCheck.ToArray() });
            await store.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
        var hasShards = await FindAsync(connection, cancellationToken).ConfigureAwait(false);
        await using (var keep = new NpgsqlCommand(KeepOldProgramsAway, connection))
            await keep.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        if (!hasShards)
            await new ShardFill(connections).RunAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Returns whether all rows have their shards.</summary>
    private async Task<bool> FindAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var find = new NpgsqlCommand(Find, connection);
        await using var reader = await find.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        if (!await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            throw PostgresRejectedException.Damaged(connections.Database, "the row of the table cluster");
        if (await reader.IsDBNullAsync(0, cancellationToken).ConfigureAwait(false))
            return false;
        if (reader.GetString(0) is var id && id != cluster.ClusterId)
            throw PostgresRejectedException.OtherCluster(connections.Database, id, cluster.ClusterId);
        if (!CryptographicOperations.FixedTimeEquals(reader.GetFieldValue<byte[]>(1), cluster.SecretCheck.Span))
            throw PostgresRejectedException.OtherSecret(connections.Database);
        return reader.GetBoolean(2);
    }

    private static async Task<List<long>> ListHoldersAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var list = new NpgsqlCommand(ListHolders, connection);
        await using var reader = await list.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        var ids = new List<long>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            ids.Add(reader.GetInt64(0));
        return ids;
    }
}
