using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Postgres.Store;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Cluster;

/// <summary>Begins a new generation of the writer of a node, on a new connection.</summary>
internal static class ClusterReopening
{
    // Earlier connections of the same run. Only one with a lock in this schema can delay the next commits. See NodeRow on standbys.
    private const string EndEarlierSessions = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity AS a
        WHERE datname = current_database() AND usename = session_user AND application_name = $1 AND pid <> pg_backend_pid()
            AND wait_event IS DISTINCT FROM 'SyncRep'
            AND EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = a.pid AND l.relation = 'nodes'::regclass AND l.granted)
        """;

    private const string Settle = "SELECT settle_data()";

    private const string RaiseGeneration = """
        UPDATE nodes SET generation = generation + 1, renewed_at = clock_timestamp(), written_by = pg_current_xact_id()
        WHERE id = $1 AND incarnation = $2 AND state = 'active'
        RETURNING generation, last_commit, last_directory_stale, last_stale, last_revisions, last_user_counts, last_next_user_ids,
            last_next_binding_ids, last_lost_shards, last_switch_epoch
        """;

    /// <summary>Begins the generation. Returns null if the run is not active.</summary>
    public static async Task<ReopenedNode?> RunAsync(NpgsqlConnection connection, JoinedNode node, string session, CommitsSent last)
    {
        await using (var end = new NpgsqlCommand(EndEarlierSessions, connection))
        {
            end.Parameters.Add(new NpgsqlParameter<string> { TypedValue = session });
            await end.ExecuteNonQueryAsync().ConfigureAwait(false);
        }
        await using var settle = new NpgsqlCommand(Settle, connection);
        var data = (string)(await settle.ExecuteScalarAsync().ConfigureAwait(false))!;
        await using var raise = new NpgsqlCommand(RaiseGeneration, connection);
        raise.Parameters.Add(new NpgsqlParameter<long> { TypedValue = node.Id });
        raise.Parameters.Add(new NpgsqlParameter<long> { TypedValue = node.Node.Incarnation });
        await using var reader = await raise.ExecuteReaderAsync().ConfigureAwait(false);
        if (!await reader.ReadAsync().ConfigureAwait(false))
            return null;
        // In other data, the number may be that of another commit.
        var commit = reader.GetInt64(1);
        var isSame = data == last.Server && commit == last.Sent;
        return new ReopenedNode(
            reader.GetInt64(0),
            commit,
            data,
            isSame && last.Sids is { } sids ? BatchWriter.ReadResult(reader, sids, at: 2) : null);
    }
}

/// <summary>What the row of a node says after reopening.</summary>
/// <param name="Generation">The new generation.</param>
/// <param name="LastCommit">The number of the last commit.</param>
/// <param name="Data">The data, as <c>data_identity()</c> gives it.</param>
/// <param name="LastResult">The result of the last commit, if this process sent it to this data.</param>
internal sealed record ReopenedNode(long Generation, long LastCommit, string Data, CommitResult? LastResult);
