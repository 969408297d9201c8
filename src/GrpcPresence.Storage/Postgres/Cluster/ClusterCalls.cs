using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Storage.Postgres.Native;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Cluster;

/// <summary>
/// The calls of a node that do not belong to the writer's thread. Each is one statement, which calls a function of the schema. So nothing
/// is left locked when a node stops in the middle.
/// </summary>
internal static class ClusterCalls
{
    // A session whose commit waits for a standby keeps its locks: ending it would show readers a commit that a promotion can lose. Others
    // of the run count only if they have locks in this schema, because the name of a session says nothing of its schema.
    private const string EndSessions = """
        SELECT pg_terminate_backend(a.pid, 200)
        FROM nodes AS n
        JOIN pg_stat_activity AS a ON a.application_name IN (
            format('node-%s-%s', n.id, to_hex(n.incarnation)), format('node-%s-%s-call', n.id, to_hex(n.incarnation)))
        WHERE n.name = $1 AND n.incarnation = $2 AND a.datname = current_database() AND a.usename = session_user
            AND a.pid <> pg_backend_pid() AND a.wait_event IS DISTINCT FROM 'SyncRep'
            AND EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = a.pid AND l.relation = 'nodes'::regclass AND l.granted)
        """;

    /// <summary>How often an eviction is tried, when sessions of the run hold its rows.</summary>
    private const int Evictions = 3;

    /// <summary>Joins. Returns the id of the node, and the lease of an earlier run while that is active.</summary>
    public static async Task<(long Id, NodeLease? Earlier)> JoinAsync(NpgsqlConnection connection, NodeId node)
    {
        await using var command = Command(connection, "SELECT * FROM join_cluster($1, $2)", node);
        await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        await reader.ReadAsync().ConfigureAwait(false);
        var id = reader.GetInt64(0);
        if (await reader.IsDBNullAsync(2).ConfigureAwait(false))
            return (id, null);
        var (data, earlier) = (DataText.Read(reader.GetString(1)), new NodeId(node.Name, reader.GetInt64(2)));
        return (id, new NodeLease(earlier, data, reader.GetInt64(3), ReadNodes(reader, 4), ReadNodes(reader, 5)));
    }

    /// <summary>Leaves. Returns whether the data is the one that the node knows.</summary>
    public static async Task<bool> LeaveAsync(NpgsqlConnection connection, NodeId node, DataIdentity data)
    {
        await using var command = Command(connection, "SELECT leave_cluster($1, $2, $3)", node, DataText.Of(data));
        return (bool)(await command.ExecuteScalarAsync().ConfigureAwait(false))!;
    }

    /// <summary>Renews the lease.</summary>
    public static async Task<RenewedLease> RenewAsync(
        NpgsqlConnection connection, NodeId node, long number, ImmutableArray<NodeId> acknowledged)
    {
        await using var command = Command(
            connection, "SELECT * FROM renew_lease($1, $2, $3, $4)", node, number, acknowledged.Select(NodeText.Of).ToArray());
        await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        await reader.ReadAsync().ConfigureAwait(false);
        return new RenewedLease(DataText.Read(reader.GetString(0)), ReadNodes(reader, 1));
    }

    /// <summary>Evicts a run. Ends its sessions if they hold its rows.</summary>
    public static async Task<bool> EvictAsync(NpgsqlConnection connection, NodeId node, DataIdentity data, long renewal)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var command = Command(connection, "SELECT evict_node($1, $2, $3, $4)", node, DataText.Of(data), renewal);
                return (bool)(await command.ExecuteScalarAsync().ConfigureAwait(false))!;
            }
            catch (PostgresException exception)
                when (exception.SqlState == PostgresErrorCodes.LockNotAvailable && attempt < Evictions)
            {
                await using var end = Command(connection, EndSessions, node);
                await end.ExecuteNonQueryAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>Takes shards without a holder.</summary>
    public static async Task<ImmutableArray<ShardHolder>> ClaimAsync(
        NpgsqlConnection connection, NodeId node, DataIdentity data, IEnumerable<Shard> shards)
    {
        await using var command = Command(
            connection,
            "SELECT shard, given_epoch FROM claim_shards($1, $2, $3, $4) ORDER BY shard",
            node,
            DataText.Of(data),
            shards.Select(shard => shard.Number).Distinct().ToArray());
        await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        var taken = ImmutableArray.CreateBuilder<ShardHolder>();
        while (await reader.ReadAsync().ConfigureAwait(false))
            taken.Add(new ShardHolder(new Shard(reader.GetInt32(0)), node, reader.GetInt64(1)));
        return taken.ToImmutable();
    }

    /// <summary>Reads runs of nodes, sorted by name.</summary>
    public static ImmutableArray<NodeId> ReadNodes(NpgsqlDataReader reader, int column) => Sort(reader.GetFieldValue<string[]>(column));

    /// <summary>Returns the runs that the texts name, sorted by name.</summary>
    public static ImmutableArray<NodeId> Sort(IEnumerable<string> texts) =>
        [.. texts.Select(NodeText.Read).OrderBy(node => node.Name, StringComparer.Ordinal)];

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, NodeId node, params ReadOnlySpan<object> values)
    {
#pragma warning disable CA2100 // a constant
        var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 }; // limited by the store
#pragma warning restore CA2100
        command.Parameters.Add(new NpgsqlParameter { Value = node.Name });
        command.Parameters.Add(new NpgsqlParameter { Value = node.Incarnation });
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }
}
