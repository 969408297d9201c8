using Npgsql;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>
/// Whether nodes of a cluster use the database, for a node that is to use it alone. They show themselves by a session, a renewal or a
/// commit. Nodes that do not are ended, so that one that comes back cannot write.
/// </summary>
internal sealed class ClusterSigns(PostgresStoreOptions options, string database)
{
    private const string Look = """
        SELECT count(*), coalesce(sum(l.renewal + n.last_commit), 0)::bigint, coalesce(bool_or(EXISTS (
            SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND has_table_privilege(usesysid, 'nodes', 'UPDATE')
                AND application_name IN (
                    format('node-%s-%s', n.id, to_hex(n.incarnation)), format('node-%s-%s-reader', n.id, to_hex(n.incarnation)),
                    format('node-%s-%s-call', n.id, to_hex(n.incarnation))))), false)
        FROM nodes AS n JOIN node_leases AS l ON l.node = n.id
        WHERE n.name IS NOT NULL AND n.state = 'active'
        """;

    private const string Lock = """
        SELECT n.id FROM nodes AS n JOIN node_leases AS l ON l.node = n.id WHERE n.name IS NOT NULL AND n.state = 'active'
        ORDER BY n.id FOR UPDATE
        """;

    private const string End = "SELECT end_node(id, 'dead') FROM nodes WHERE name IS NOT NULL AND state = 'active' ORDER BY id";

    // The next node of a cluster begins a timeline after those of this one.
    private const string Leave = "UPDATE cluster SET data = NULL";

    private const string HasActive = "SELECT EXISTS (SELECT FROM nodes WHERE name IS NOT NULL AND state = 'active')";

    private long? _first; // the sum that was seen first

    /// <summary>
    /// Ends the nodes of a cluster if they are gone, in the transaction of the caller, and returns whether they were. A node that joins
    /// later finds the row of the caller.
    /// </summary>
    /// <param name="connection">A connection with a transaction.</param>
    /// <param name="waited">How long the caller has waited for a sign.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="PostgresRejectedException">A cluster uses the database.</exception>
    public async Task<bool> AreGoneAsync(NpgsqlConnection connection, TimeSpan waited, CancellationToken cancellationToken)
    {
        var (nodes, sum, hasSession) = await LookAsync(connection, cancellationToken).ConfigureAwait(false);
        if (nodes > 0)
        {
            _first ??= sum;
            if (sum != _first || (hasSession && waited >= options.HolderPatience))
                throw PostgresRejectedException.InUseByCluster(database);
            if (hasSession || waited < options.HolderGraceAfterRestart)
                return false;
            await ExecuteAsync(Lock).ConfigureAwait(false);
            await ExecuteAsync(End).ConfigureAwait(false);
        }
        await ExecuteAsync(Leave).ConfigureAwait(false);
        // With the lock of the row of the cluster: a node may have joined since the look.
        await using var command = new NpgsqlCommand(HasActive, connection);
        if ((bool)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!)
            throw PostgresRejectedException.InUseByCluster(database);
        return true;

        async Task ExecuteAsync(string sql)
        {
#pragma warning disable CA2100 // a constant
            await using var command = new NpgsqlCommand(sql, connection);
#pragma warning restore CA2100
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<(long Nodes, long Sum, bool HasSession)> LookAsync(
        NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Look, connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        return (reader.GetInt64(0), reader.GetInt64(1), reader.GetBoolean(2));
    }
}
