using GrpcPresence.Storage.Postgres.Store;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Schema;

/// <summary>Checks a database before it is used, without changing it.</summary>
internal static class DatabaseInspection
{
    /// <summary>PostgreSQL 15 is the oldest version that the tests run on.</summary>
    private static readonly Version OldestServer = new(15, 0);

    private static readonly string[] Tables =
    [
        "nodes", "directory", "services", "users", "presence", "tombstones", "push_bindings", "ended_sessions", "uptime", "webhooks",
        "notifications", "api_keys", "timelines", "timeline_cuts",
    ];

    /// <summary>Rejects a server or a database that can never be used.</summary>
    public static async Task CheckServerAsync(NpgsqlConnection connection, string database, CancellationToken cancellationToken)
    {
        if (connection.PostgreSqlVersion < OldestServer)
            throw PostgresRejectedException.OldServer(database, connection.PostgreSqlVersion, OldestServer);
        await using var command = new NpgsqlCommand(
            """
            SELECT current_setting('server_encoding'), pg_is_in_recovery(), current_setting('default_transaction_read_only')::boolean,
                current_schema()
            """,
            connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        if (reader.GetString(0) is var encoding and not "UTF8")
            throw PostgresRejectedException.Encoding(database, encoding);
        if (reader.GetBoolean(1))
            throw PostgresRejectedException.Standby(database);
        if (reader.GetBoolean(2))
            throw PostgresRejectedException.ReadOnly(database);
        if (await reader.IsDBNullAsync(3, cancellationToken).ConfigureAwait(false))
            throw PostgresRejectedException.NoSchema(database);
    }

    /// <summary>Rejects a database whose tables are missing or belong to a role that did not share them.</summary>
    public static async Task CheckTablesAsync(NpgsqlConnection connection, string database, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT name, c.oid IS NULL, current_user
            FROM unnest($1) AS name
            LEFT JOIN pg_class AS c ON c.relname = name AND c.relnamespace = to_regnamespace(quote_ident(current_schema()))
            WHERE c.oid IS NULL OR NOT (
                has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
            LIMIT 1
            """,
            connection);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = Tables });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        if (!await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            return;
        var (table, isMissing, role) = (reader.GetString(0), reader.GetBoolean(1), reader.GetString(2));
        throw isMissing
            ? PostgresRejectedException.Damaged(database, table)
            : PostgresRejectedException.MissingRights(
                database, $"the role '{role}' needs the privileges SELECT, INSERT, UPDATE and DELETE on the table {table}");
    }
}
