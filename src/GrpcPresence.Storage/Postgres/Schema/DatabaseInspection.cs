using GrpcPresence.Storage.Postgres.Native;
using GrpcPresence.Storage.Postgres.Store;
using Npgsql;

namespace GrpcPresence.Storage.Postgres.Schema;

/// <summary>Checks a database before it is used, without changing it.</summary>
internal static class DatabaseInspection
{
    /// <summary>PostgreSQL 15 is the oldest version that the tests run on.</summary>
    private static readonly Version OldestServer = new(15, 0);

    /// <summary>The tables that the store uses.</summary>
    public static readonly IReadOnlyList<string> Tables =
    [
        "nodes", "directory", "services", "users", "presence", "tombstones", "push_bindings", "ended_sessions", "uptime", "webhooks",
        "notifications", "api_keys", "timelines", "timeline_cuts", "cluster", "cluster_changes", "node_leases", "shards",
    ];

    private static readonly string[] Functions =
    [
        "server_identity", "commit_changes", "moved", "purge_rows", "node_text", "member_texts", "data_identity", "settle_data", "end_node",
        "join_cluster", "leave_cluster", "evict_node", "renew_lease", "claim_shards", "switch_shards", "purge_home_rows",
    ];

    // Without them, a key could be given twice. Tools that restore create them after the rows.
    private static readonly string[] UniqueIndices =
    [
        "nodes_pkey", "nodes_by_name", "node_leases_pkey", "cluster_pkey", "cluster_changes_pkey", "shards_pkey", "directory_pkey",
        "services_pkey", "services_by_sid", "users_pkey", "users_by_sid", "users_by_identity",
        "presence_pkey", "tombstones_pkey", "push_bindings_pkey", "push_bindings_by_sid", "push_bindings_by_address",
        "ended_sessions_pkey", "ended_sessions_by_session", "uptime_pkey", "webhooks_pkey", "notifications_pkey", "api_keys_pkey",
        "api_keys_sid_key", "api_keys_by_certificate_name", "timelines_pkey", "timelines_id_key", "timeline_cuts_pkey",
    ];

    /// <summary>Rejects a server or a database that can never be used. Returns the first schema of the search path.</summary>
    public static async Task<string> CheckServerAsync(NpgsqlConnection connection, string database, CancellationToken cancellationToken)
    {
        if (connection.PostgreSqlVersion < OldestServer)
            throw PostgresRejectedException.OldServer(database, connection.PostgreSqlVersion, OldestServer);
        await using var command = new NpgsqlCommand(
            """
            SELECT pg_catalog.current_setting('server_encoding'), pg_catalog.pg_is_in_recovery(),
                pg_catalog.current_setting('default_transaction_read_only')::boolean, pg_catalog.current_schema()::text,
                pg_catalog.to_regclass(pg_catalog.quote_ident(pg_catalog.current_schema()::text) || '.schema_version') IS NULL
                    AND EXISTS (
                        SELECT FROM pg_catalog.pg_proc WHERE proname = 'commit_changes' AND pg_catalog.pg_function_is_visible(oid)),
                pg_catalog.current_setting('idle_in_transaction_session_timeout')
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
        // Someone put a schema in front, such as one with the name of the role. A server that started empty would look healthy.
        if (reader.GetBoolean(4))
            throw PostgresRejectedException.OtherSchema(database);
        if (reader.GetString(5) != PostgresConnections.IdleTimeout)
            throw PostgresRejectedException.Pooler(database, "it does not pass on the settings of sessions");
        return reader.GetString(3);
    }

    /// <summary>
    /// Returns the roles, apart from this session's and those that can act as it, whose functions this session can run: in the schema, or
    /// from a trigger of a table. Null without such a role.
    /// </summary>
    public static async Task<string?> FindOtherRolesAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            WITH used AS (SELECT oid, nspowner, nspacl FROM pg_catalog.pg_namespace WHERE nspname = pg_catalog.current_schema()),
            may (role) AS (
                SELECT nspowner FROM used
                UNION SELECT a.grantee FROM used, pg_catalog.aclexplode(nspacl) AS a WHERE a.privilege_type = 'CREATE'
                UNION SELECT relowner FROM pg_catalog.pg_class JOIN used ON relnamespace = used.oid
                UNION SELECT a.grantee
                    FROM pg_catalog.pg_class JOIN used ON relnamespace = used.oid, pg_catalog.aclexplode(relacl) AS a
                    WHERE a.privilege_type = 'TRIGGER'
                UNION SELECT proowner FROM pg_catalog.pg_proc JOIN used ON pronamespace = used.oid
                -- A schema that is put in front of this one is used by the next start.
                UNION SELECT a.grantee
                    FROM pg_catalog.pg_database, pg_catalog.aclexplode(datacl) AS a
                    WHERE datname = pg_catalog.current_database() AND a.privilege_type = 'CREATE'
                        AND pg_catalog.split_part(pg_catalog.current_setting('search_path'), ',', 1)
                            NOT IN (pg_catalog.current_schema()::text, pg_catalog.quote_ident(pg_catalog.current_schema()::text))
            )
            SELECT CASE WHEN EXISTS (SELECT FROM may WHERE role = 0) THEN 'every role' ELSE (
                SELECT pg_catalog.string_agg(rolname::text, ', ') FROM (
                    SELECT rolname FROM pg_catalog.pg_roles AS r
                    WHERE rolcanlogin AND NOT pg_catalog.pg_has_role(r.oid, current_user, 'MEMBER')
                        AND EXISTS (SELECT FROM may WHERE role <> 0 AND pg_catalog.pg_has_role(r.oid, role, 'MEMBER'))
                    ORDER BY rolname LIMIT 5) AS other) END
            """,
            connection);
        return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) as string;
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
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. Tables] });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        if (!await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            return;
        var (table, isMissing, role) = (reader.GetString(0), reader.GetBoolean(1), reader.GetString(2));
        throw isMissing
            ? PostgresRejectedException.Damaged(database, $"the table {table}")
            : PostgresRejectedException.MissingRights(
                database, $"the role '{role}' needs the privileges SELECT, INSERT, UPDATE and DELETE on the table {table}");
    }

    /// <summary>Rejects a database in which a restore did not finish. <see cref="CheckTablesAsync"/> comes first.</summary>
    /// <remarks>
    /// A tool that restores creates the indices after the rows. It may also go on after an error, and then leaves out all rows of a table.
    /// A purge removes presence before users, and the service instance last.
    /// </remarks>
    public static async Task CheckPartsAsync(NpgsqlConnection connection, string database, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            WITH present AS (SELECT to_regnamespace(quote_ident(current_schema())) AS oid)
            SELECT 'the function ' || name FROM unnest($1) AS name
            WHERE NOT EXISTS (SELECT FROM pg_proc JOIN present ON pronamespace = present.oid WHERE proname = name)
            UNION ALL
            SELECT 'the index ' || name FROM unnest($2) AS name
            WHERE NOT EXISTS (
                SELECT FROM pg_class AS c JOIN present ON relnamespace = present.oid JOIN pg_index ON indexrelid = c.oid
                WHERE relname = name AND indisunique AND indisvalid)
            UNION ALL
            SELECT 'the row of the table directory' WHERE NOT EXISTS (SELECT FROM directory)
            UNION ALL
            SELECT 'the row of the table uptime' WHERE NOT EXISTS (SELECT FROM uptime)
            UNION ALL
            SELECT 'the row of the table cluster' WHERE NOT EXISTS (SELECT FROM cluster)
            UNION ALL
            SELECT 'the row of the table cluster_changes' WHERE NOT EXISTS (SELECT FROM cluster_changes)
            UNION ALL
            SELECT 'a row of the table shards' WHERE (SELECT count(*) FROM shards) < 1024
            UNION ALL
            SELECT 'a row of the table node_leases'
            WHERE EXISTS (SELECT FROM nodes WHERE name IS NOT NULL AND NOT EXISTS (SELECT FROM node_leases WHERE node = id))
            UNION ALL
            SELECT 'the row of the table nodes' WHERE NOT EXISTS (SELECT FROM nodes) AND EXISTS (SELECT FROM timelines)
            UNION ALL
            SELECT 'every row of the table timelines'
            WHERE EXISTS (SELECT FROM nodes WHERE timeline_seq > 0) AND NOT EXISTS (SELECT FROM timelines)
            UNION ALL
            SELECT 'every row of the table services' WHERE EXISTS (SELECT FROM users) AND NOT EXISTS (SELECT FROM services)
            UNION ALL
            SELECT 'every row of the table users' WHERE EXISTS (SELECT FROM presence) AND NOT EXISTS (SELECT FROM users)
            UNION ALL
            SELECT 'every row of the table presence'
            WHERE NOT EXISTS (SELECT FROM presence) AND EXISTS (
                SELECT FROM services AS s WHERE NOT is_deleted AND EXISTS (SELECT FROM users WHERE service_id = s.id))
            LIMIT 1
            """,
            connection);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = Functions });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = UniqueIndices });
        if (await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) is string part)
            throw PostgresRejectedException.Damaged(database, part);
    }
}
