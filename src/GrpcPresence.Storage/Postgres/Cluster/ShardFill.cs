using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Storage.Postgres.Native;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Cluster;

/// <summary>
/// Fills in the shards of rows that earlier programs and imports have written, and then creates the indices by shard. Once for each
/// database, page by page, so that a start that is ended goes on where it was. Another node that starts meanwhile waits.
/// </summary>
internal sealed class ShardFill(PostgresConnections connections)
{
    private const int Rows = 5000; // of a page: about a tenth of a second

    // The lock of migrations: a node that starts takes it first.
    private const string Lock = "SET LOCAL lock_timeout = '60s'; LOCK TABLE schema_version IN EXCLUSIVE MODE";

    private const string IsDone = "SELECT has_shards FROM cluster";

    private const string Complete = """
        CREATE INDEX IF NOT EXISTS presence_by_shard ON presence (shard, user_id) WHERE is_online;
        CREATE INDEX IF NOT EXISTS ended_sessions_by_shard ON ended_sessions (shard, id);
        ANALYZE presence, ended_sessions;
        UPDATE cluster SET has_shards = true
        """;

    private static readonly (string List, string Update)[] Tables =
    [
        (
            "SELECT id, sid, NULL::bytea FROM services WHERE id > $1 AND home_shard IS NULL ORDER BY id LIMIT $2",
            "UPDATE services AS s SET home_shard = n.shard FROM unnest($1, $2) AS n (id, shard) WHERE s.id = n.id"),
        (
            """
            SELECT p.user_id, s.sid, u.identity
            FROM presence AS p
            JOIN services AS s ON s.id = p.service_id + 0
            JOIN users AS u ON u.service_id = p.service_id AND u.id = p.user_id
            WHERE p.user_id > $1 AND p.shard IS NULL ORDER BY p.user_id LIMIT $2
            """,
            "UPDATE presence AS p SET shard = n.shard FROM unnest($1, $2) AS n (id, shard) WHERE p.user_id = n.id"),
        (
            """
            SELECT e.id, s.sid, e.identity FROM ended_sessions AS e JOIN services AS s ON s.id = e.service_id + 0
            WHERE e.id > $1 AND e.shard IS NULL ORDER BY e.id LIMIT $2
            """,
            "UPDATE ended_sessions AS e SET shard = n.shard FROM unnest($1, $2) AS n (id, shard) WHERE e.id = n.id"),
    ];

    /// <summary>Fills in all shards, unless another node has done so meanwhile.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var holder = await connections.OpenImporterAsync(cancellationToken).ConfigureAwait(false);
        await using var transaction = await holder.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        await ExecuteAsync(holder, Lock, cancellationToken).ConfigureAwait(false);
        await using var isDone = new NpgsqlCommand(IsDone, holder);
        if ((bool)(await isDone.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!)
            return;
        await using (var writer = await connections.OpenImporterAsync(cancellationToken).ConfigureAwait(false))
        {
            foreach (var (list, update) in Tables)
                await FillAsync(writer, list, update, cancellationToken).ConfigureAwait(false);
            await ExecuteAsync(writer, Complete, cancellationToken).ConfigureAwait(false);
        }
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
    }

    private static async Task FillAsync(NpgsqlConnection connection, string list, string update, CancellationToken cancellationToken)
    {
#pragma warning disable CA2100 // constants
        await using var read = new NpgsqlCommand(list, connection);
        await using var write = new NpgsqlCommand(update, connection);
#pragma warning restore CA2100
        var after = new NpgsqlParameter<long>();
        read.Parameters.Add(after);
        read.Parameters.Add(new NpgsqlParameter<int> { TypedValue = Rows });
        var (ids, shards) = (new List<long>(Rows), new List<int>(Rows));
        write.Parameters.Add(new NpgsqlParameter<List<long>> { TypedValue = ids });
        write.Parameters.Add(new NpgsqlParameter<List<int>> { TypedValue = shards });
        while (true)
        {
            ids.Clear();
            shards.Clear();
            await using (var reader = await read.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false))
            {
                var row = new Row(reader);
                while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                {
                    var sid = new ServiceSid(row.Sid(1));
                    ids.Add(row.Int64(0));
                    shards.Add((row.IsNull(2) ? Shard.Of(sid) : Shard.Of(sid, Identity.FromTrusted(row.Text(2)))).Number);
                }
            }
            if (ids.Count == 0)
                return;
            await write.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            after.TypedValue = ids[^1];
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
#pragma warning disable CA2100 // constants
        await using var command = new NpgsqlCommand(sql, connection);
#pragma warning restore CA2100
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }
}
