using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Postgres.Native;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>
/// The row of this node. Only the node that holds it may write. Each attempt to take it is a transaction of its own, so a node that waits
/// for another one holds no lock.
/// </summary>
/// <remarks>
/// Another node holds the row as long as it shows a sign of life: a commit, a session of its name, or not enough time without either. The
/// times differ, because a server that was restarted has ended the sessions of a node that still runs. A node that lost the row in spite of
/// that cannot commit: its next commit finds a row of another incarnation.
/// </remarks>
internal sealed class NodeRow(PostgresConnections connections, PostgresStoreOptions options, long id, long incarnation)
{
    private const string Active = "active";

    // Every role of the server sees the application name of the node, and can use it for a session of its own. So a session counts only if
    // its role may write the row.
    private const string Look = """
        SELECT n.state, n.last_commit, clock_timestamp() - n.renewed_at, pg_postmaster_start_time() > n.renewed_at,
            n.server = server_identity() AND n.written_by::xid = n.xmin,
            EXISTS (
                SELECT FROM pg_stat_activity
                WHERE datname = current_database() AND has_table_privilege(usesysid, 'nodes', 'UPDATE') AND application_name IN (
                    format('node-%s-%s', n.id, to_hex(n.incarnation)), format('node-%s-%s-reader', n.id, to_hex(n.incarnation))))
        FROM nodes AS n WHERE n.id = $1 FOR UPDATE OF n
        """;

    private const string Insert = """
        INSERT INTO nodes (
            id, incarnation, state, generation, last_commit, last_directory_stale, last_stale, last_revisions, timeline_seq, renewed_at,
            server, written_by)
        VALUES ($1, 0, 'released', 0, 0, false, '{}', '{}', 0, clock_timestamp(), server_identity(), pg_current_xact_id())
        ON CONFLICT DO NOTHING
        """;

    private const string Take = """
        UPDATE nodes
        SET incarnation = $2, state = 'active', generation = generation + 1, renewed_at = clock_timestamp(), server = server_identity(),
            written_by = pg_current_xact_id(), timeline_seq = (SELECT coalesce(max(seq), 0) + 1 FROM timelines)
        WHERE id = $1
        RETURNING timeline_seq
        """;

    // A cut ends only the timelines before it. Each service instance is looked up by its key, and few rows leave with each start.
    private const string ForgetCuts = """
        DELETE FROM timeline_cuts WHERE ctid = ANY (ARRAY(
            SELECT old.ctid FROM services AS s
            CROSS JOIN LATERAL (
                SELECT c.ctid FROM timeline_cuts AS c WHERE c.service_id = s.id AND c.timeline_seq <= $1 + 1 LIMIT 100) AS old
            LIMIT 10000))
        """;

    private const string StartSweeps = """
        UPDATE webhooks SET epoch = greatest(epoch + 1, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint),
            sweep_since = CASE WHEN octet_length(post_url) > 0 THEN 0 END, sweep_after = CASE WHEN octet_length(post_url) > 0 THEN 0 END
        """;

    // Only those of the same role: ending another role's session fails, and a session that only has the name must not stop reopening. A
    // session whose commit waits for a standby keeps its locks, so reopening fails until the standby confirms. Ending the session would
    // show readers a commit that a promotion can lose.
    private const string EndEarlierSessions = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND usename = session_user AND application_name = $1 AND pid <> pg_backend_pid()
            AND wait_event IS DISTINCT FROM 'SyncRep'
        """;

    private const string End = """
        UPDATE nodes SET state = 'released', written_by = CASE WHEN written_by::xid = xmin THEN pg_current_xact_id() ELSE '0' END
        WHERE id = $1
        """;

    private const string MarkAsBehind = "UPDATE nodes SET state = 'released', written_by = '0' WHERE id = $1";

    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(100);

    private long _generation; // of the last reopening that was answered

    /// <summary>
    /// Takes the row for a new incarnation and begins its timeline. If the data went back, makes every webhook endpoint receive the present
    /// state of every user, because it may have received states that the data no longer contains.
    /// </summary>
    /// <exception cref="PostgresRejectedException">Another node holds the row.</exception>
    public async Task TakeAsync(NpgsqlConnection connection, Guid timeline, CancellationToken cancellationToken)
    {
        var cluster = new ClusterSigns(options, connections.Database);
        await ExecuteAsync(connection, Insert, cancellationToken, id).ConfigureAwait(false);
        await WhenGoneAsync(
            connection,
            PostgresRejectedException.InUse(connections.Database),
            async (holder, waited) =>
            {
                if (!await cluster.AreGoneAsync(connection, waited, cancellationToken).ConfigureAwait(false))
                    return false;
                await BeginAsync(connection, timeline, wentBack: !holder.IsSame, cancellationToken).ConfigureAwait(false);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Waits until no node holds the row, and keeps one that comes back from writing. For a cluster, which has rows of its own.
    /// </summary>
    /// <exception cref="PostgresRejectedException">A node holds the row.</exception>
    public Task EndAsync(NpgsqlConnection connection, CancellationToken cancellationToken) => WhenGoneAsync(
        connection,
        PostgresRejectedException.InUseAlone(connections.Database),
        async (holder, _) =>
        {
            // What the row says of the data stays: settle_data() reads it.
            if (holder.IsActive)
                await ExecuteAsync(connection, End, cancellationToken, id).ConfigureAwait(false);
            return true;
        },
        cancellationToken);

    /// <summary>
    /// Begins a new generation on a new connection. Ends the sessions of this node's earlier connections first: one whose client is gone in
    /// the middle of a message would keep its locks without limit.
    /// </summary>
    /// <param name="connection">The new connection.</param>
    /// <param name="last">What this process knows of its commits.</param>
    /// <returns>What the row says; null if another node has taken it.</returns>
    public async Task<NodeState?> ReopenAsync(NpgsqlConnection connection, CommitsSent last)
    {
        await ExecuteAsync(connection, EndEarlierSessions, CancellationToken.None, connections.WriterName).ConfigureAwait(false);
        await using var transaction = await connection.BeginTransactionAsync().ConfigureAwait(false);
        var state = await RaiseGenerationAsync(connection, last).ConfigureAwait(false);
        // This process writes nothing any more. The next start makes every webhook endpoint receive the present states, also where the
        // server looks the same.
        if (state is { IsBehind: true })
            await ExecuteAsync(connection, MarkAsBehind, CancellationToken.None, id).ConfigureAwait(false);
        await transaction.CommitAsync().ConfigureAwait(false);
        if (state is not null)
            _generation = state.Generation;
        return state;
    }

    /// <summary>Gives the row back, so that the next node need not wait. Does nothing if another node has taken it.</summary>
    public void Release(NpgsqlConnection connection)
    {
        using var command = Command(
            connection,
            """
            UPDATE nodes SET state = 'released', renewed_at = clock_timestamp(), written_by = pg_current_xact_id()
            WHERE id = $1 AND incarnation = $2
            """,
            id,
            incarnation);
        command.ExecuteNonQuery();
    }

    /// <summary>
    /// Looks again and again, each time in a transaction with the lock of the row, until its holder is gone and <paramref name="take"/>
    /// returns true.
    /// </summary>
    private async Task WhenGoneAsync(
        NpgsqlConnection connection,
        PostgresRejectedException inUse,
        Func<Holder, TimeSpan, Task<bool>> take,
        CancellationToken cancellationToken)
    {
        var began = options.Time.GetTimestamp();
        long? firstCommit = null;
        while (true)
        {
            await using (var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false))
            {
                var holder = await LookAsync(connection, cancellationToken).ConfigureAwait(false);
                var waited = options.Time.GetElapsedTime(began);
                if (!IsGone(holder, waited))
                {
                    firstCommit ??= holder.LastCommit;
                    if (holder.LastCommit != firstCommit || (holder.HasSession && waited >= options.HolderPatience))
                        throw inUse;
                }
                else if (await take(holder, waited).ConfigureAwait(false))
                {
                    await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
                    return;
                }
            }
            await Task.Delay(LookInterval, options.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<NodeState?> RaiseGenerationAsync(NpgsqlConnection connection, CommitsSent last)
    {
        await using var command = Command(
            connection,
            """
            UPDATE nodes
            SET generation = generation + 1, server = server_identity(), renewed_at = clock_timestamp(), written_by = pg_current_xact_id()
            WHERE id = $1 AND incarnation = $2 AND state = 'active'
            RETURNING generation, last_commit, server, last_directory_stale, last_stale, last_revisions, last_user_counts,
                last_next_user_ids, last_next_binding_ids, last_lost_shards, last_switch_epoch
            """,
            id,
            incarnation);
        await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        if (!await reader.ReadAsync().ConfigureAwait(false))
            return null;
        var (commit, server) = (reader.GetInt64(1), reader.GetString(2));
        // On another server, a commit that was not acknowledged may have been visible on the one before, and be lost as well. Two standbys
        // that were promoted from the same WAL timeline have the same identity, but the second one lacks the reopening on the first one.
        var isSame = server == last.Server && reader.GetInt64(0) > _generation;
        var known = isSame ? last.Acknowledged : last.Sent;
        return new NodeState(
            reader.GetInt64(0),
            commit,
            server,
            commit == last.Sent && last.Sids is { } sids ? BatchWriter.ReadResult(reader, sids, at: 3) : null,
            IsBehind: commit < known);
    }

    private async Task<Holder> LookAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = Command(connection, Look, id);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        if (!await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            throw new StorageException("The row of the node was removed.");
        return new Holder(
            IsActive: reader.GetString(0) == Active,
            LastCommit: reader.GetInt64(1),
            SinceRenewal: reader.GetTimeSpan(2),
            HasServerRestarted: reader.GetBoolean(3),
            IsSame: reader.GetBoolean(4),
            HasSession: reader.GetBoolean(5));
    }

    private bool IsGone(Holder holder, TimeSpan waited)
    {
        if (!holder.IsActive)
            return true;
        if (holder.HasSession)
            return false;
        // The clock of the server may have been set back since the last commit, so that waiting always suffices.
        return waited >= options.HolderGraceAfterRestart
            || (holder.IsSame && !holder.HasServerRestarted && holder.SinceRenewal >= options.HolderGrace);
    }

    private async Task BeginAsync(NpgsqlConnection connection, Guid timeline, bool wentBack, CancellationToken cancellationToken)
    {
        await using var take = Command(connection, Take, id, incarnation);
        var seq = (long)(await take.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false)
            ?? throw new StorageException("The row of the node is gone."));
        await ExecuteAsync(connection, "INSERT INTO timelines (seq, id) VALUES ($1, $2)", cancellationToken, seq, timeline)
            .ConfigureAwait(false);
        await ExecuteAsync(connection, "DELETE FROM timelines WHERE seq <= $1", cancellationToken, seq - Limits.KeptTimelines)
            .ConfigureAwait(false);
        await ExecuteAsync(connection, ForgetCuts, cancellationToken, seq - Limits.KeptTimelines).ConfigureAwait(false);
        if (wentBack)
            await ExecuteAsync(connection, StartSweeps, cancellationToken).ConfigureAwait(false);
    }

    private static async Task ExecuteAsync(
        NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(connection, sql, values);
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params object[] values)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }

    /// <summary>What the row says of the node that holds it.</summary>
    private readonly record struct Holder(
        bool IsActive, long LastCommit, TimeSpan SinceRenewal, bool HasServerRestarted, bool IsSame, bool HasSession);
}

/// <summary>What a process knows of its commits.</summary>
/// <param name="Server">The server and the database that it wrote to.</param>
/// <param name="Acknowledged">The number of the last commit that is known to have happened.</param>
/// <param name="Sent">The number of the last commit that was sent.</param>
/// <param name="Sids">The service instances of that commit; null before the first one of this process.</param>
internal readonly record struct CommitsSent(string Server, long Acknowledged, long Sent, IReadOnlyList<ServiceSid>? Sids);

/// <summary>What the row of the node says after reopening.</summary>
/// <param name="Generation">The new generation.</param>
/// <param name="LastCommit">The number of the last commit.</param>
/// <param name="Server">The server and the database.</param>
/// <param name="LastResult">The result of the last commit, if this process sent it.</param>
/// <param name="IsBehind">Whether commits are missing that were acknowledged, or that may have been visible.</param>
internal sealed record NodeState(long Generation, long LastCommit, string Server, CommitResult? LastResult, bool IsBehind);
