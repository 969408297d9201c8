using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Storage.Postgres.Native;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Testing;
using Npgsql;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>Databases that opening rejects, each in one line, and what it does to an empty one.</summary>
public sealed class OpeningTests
{
    [Fact]
    public async Task An_empty_database_is_made_usable_once()
    {
        var database = PostgresTests.NewDatabase();
        using (var store = await PostgresTests.OpenAsync(database))
        {
            Assert.True(store.IsNew);
            Assert.True(store.ServerVersion.Major >= 15);
            Assert.InRange(store.ClockDifference, TimeSpan.FromMinutes(-1), TimeSpan.FromMinutes(1));
        }
        using var again = await PostgresTests.OpenAsync(database);
        Assert.False(again.IsNew);
    }

    [Fact]
    public async Task Of_two_nodes_that_start_together_one_takes_the_empty_database()
    {
        PostgresTests.SkipIfMissing();
        var schema = PostgresServer.Shared.CreateSchema();
        var openings = Enumerable.Range(0, 2).Select(_ => Task.Run(() => PostgresTests.OpenAsync(schema))).ToList();
        var stores = new List<PostgresPresenceStore>();
        foreach (var opening in openings)
        {
            try
            {
                stores.Add(await opening);
            }
            catch (PostgresRejectedException rejected)
            {
                Assert.Equal(PostgresRejection.InUse, rejected.Rejection);
            }
        }
        Assert.Single(stores).Dispose();
    }

    [Fact]
    public Task A_connection_string_that_is_not_one_is_rejected() =>
        Rejected("Host=a;Colour=red", PostgresRejection.InvalidConnectionString, "colour");

    [Fact]
    public Task A_connection_string_without_a_host_is_rejected() =>
        Rejected("Database=a", PostgresRejection.InvalidConnectionString, "Host");

    [Theory]
    [InlineData("-c nothing=1", "nothing")]
    [InlineData("-c lock_timeout=soon", "lock_timeout")]
    public async Task Options_that_the_server_does_not_accept_are_rejected(string options, string mentioned)
    {
        PostgresTests.SkipIfMissing();
        await Rejected(
            $"{PostgresServer.Shared.ConnectionString()};Options={options}", PostgresRejection.InvalidConnectionString, mentioned);
    }

    [Theory]
    [InlineData("off", "on")]
    [InlineData("local", "on")]
    [InlineData("remote_write", "on")]
    [InlineData("remote_apply", "remote_apply")]
    public async Task A_weaker_setting_of_the_role_does_not_make_acknowledged_commits_less_durable(string given, string used)
    {
        PostgresTests.SkipIfMissing();
        var options = new PostgresStoreOptions
        {
            ConnectionString = $"{PostgresServer.Shared.ConnectionString()};Options=-c synchronous_commit={given}",
        };
        using var connections = new PostgresConnections(options, node: 1, incarnation: 1);
        await using var connection = await connections.OpenWriterAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand("SHOW synchronous_commit", connection);

        Assert.Equal(used, await command.ExecuteScalarAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_preferred_kind_of_host_does_not_matter_where_there_is_one()
    {
        using var store = await PostgresTests.OpenAsync($"{PostgresTests.NewDatabase()};Target Session Attributes=standby");
        Assert.True(store.IsNew);
    }

    [Fact]
    public async Task A_server_that_cannot_be_reached_is_a_transient_error()
    {
        using var directory = new TemporaryDirectory();
        var host = Path.GetDirectoryName(directory.File("socket"));
        await Assert.ThrowsAsync<StorageException>(() => PostgresTests.OpenAsync($"Host={host};Database=a;Username=b"));
    }

    [Fact]
    public async Task A_database_that_does_not_exist_is_rejected()
    {
        PostgresTests.SkipIfMissing();
        await Rejected(PostgresServer.Shared.ConnectionString("missing"), PostgresRejection.Missing, "missing");
    }

    [Fact]
    public async Task A_schema_that_does_not_exist_is_rejected()
    {
        PostgresTests.SkipIfMissing();
        await Rejected($"{PostgresServer.Shared.ConnectionString()};Search Path=missing", PostgresRejection.Missing, "Search Path");
    }

    [Fact]
    public async Task A_role_that_does_not_exist_is_rejected()
    {
        PostgresTests.SkipIfMissing();
        await Rejected(PostgresServer.Shared.ConnectionString(user: "nobody"), PostgresRejection.Credentials, "nobody");
    }

    [Fact]
    public Task A_database_of_another_encoding_is_rejected() =>
        Rejected(PostgresTests.NewDatabase("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"), PostgresRejection.Encoding, "LATIN1");

    [Fact]
    public async Task A_read_only_database_is_rejected()
    {
        var database = PostgresTests.NewDatabase();
        PostgresServer.Execute(database, $"ALTER DATABASE {NameOf(database)} SET default_transaction_read_only = on");
        await Rejected(database, PostgresRejection.ReadOnly, "read-only");
    }

    [Fact]
    public async Task A_database_of_another_application_is_rejected_and_not_changed()
    {
        var database = PostgresTests.NewDatabase();
        PostgresServer.Execute(database, "CREATE TABLE invoices (id int)");
        await Rejected(database, PostgresRejection.Foreign, "another application");
        Assert.Equal(1, PostgresServer.Query<long>(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"));
    }

    [Fact]
    public async Task A_schema_that_appears_in_front_of_the_tables_is_rejected_and_not_filled()
    {
        var database = PostgresTests.NewDatabase();
        (await PostgresTests.OpenAsync(database)).Dispose();
        PostgresServer.Execute(database, $"CREATE SCHEMA {PostgresServer.Owner}"); // the search path begins with the name of the role
        await Rejected(database, PostgresRejection.OtherSchema, "Search Path");
        Assert.Equal(0, PostgresServer.Query<long>(
            database, $"SELECT count(*) FROM pg_tables WHERE schemaname = '{PostgresServer.Owner}'"));
        (await PostgresTests.OpenAsync($"{database};Search Path=public")).Dispose();
    }

    [Fact]
    public async Task A_schema_that_only_a_newer_program_can_use_is_rejected_and_a_compatible_one_is_not()
    {
        var schema = PostgresTests.RentSchema();
        (await PostgresTests.OpenAsync(schema)).Dispose();
        PostgresServer.Execute(schema, "UPDATE schema_version SET version = 1000");
        (await PostgresTests.OpenAsync(schema)).Dispose();
        PostgresServer.Execute(schema, "UPDATE schema_version SET usable_from = 1000");
        await Rejected(schema, PostgresRejection.NewerSchema, "1000");
    }

    [Fact]
    public async Task A_database_without_one_of_its_tables_is_rejected()
    {
        PostgresTests.SkipIfMissing();
        var schema = PostgresServer.Shared.CreateSchema();
        (await PostgresTests.OpenAsync(schema)).Dispose();
        PostgresServer.Execute(schema, "DROP TABLE tombstones");
        await Rejected(schema, PostgresRejection.Damaged, "tombstones");
    }

    [Fact]
    public async Task A_role_that_may_not_create_tables_is_rejected()
    {
        var database = PostgresTests.NewDatabase();
        PostgresServer.Execute(database, "CREATE ROLE guest LOGIN");
        await Rejected(As("guest", database), PostgresRejection.MissingRights, "permission denied");
    }

    [Fact]
    public async Task A_role_that_may_not_write_the_tables_is_rejected()
    {
        var database = PostgresTests.NewDatabase();
        (await PostgresTests.OpenAsync(database)).Dispose();
        PostgresServer.Execute(
            database,
            """
            CREATE ROLE reader LOGIN;
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader;
            REVOKE DELETE ON tombstones FROM reader
            """);
        await Rejected(As("reader", database), PostgresRejection.MissingRights, "tombstones");
    }

    [Fact]
    public async Task A_role_that_owns_its_database_and_nothing_else_suffices()
    {
        var database = PostgresTests.NewDatabase();
        PostgresServer.Execute(database, $"CREATE ROLE plain LOGIN; ALTER DATABASE {NameOf(database)} OWNER TO plain");
        using var store = await PostgresTests.OpenAsync(As("plain", database));
        Assert.Equal(0, (await store.ReopenAsync()).LastCommit);
    }

    [Fact]
    public async Task A_session_of_another_role_with_the_name_of_the_node_stops_neither_reopening_nor_the_next_start()
    {
        var database = PostgresTests.NewDatabase();
        PostgresServer.Execute(
            database, $"CREATE ROLE node LOGIN; CREATE ROLE stranger LOGIN; ALTER DATABASE {NameOf(database)} OWNER TO node");
        using var store = await PostgresTests.OpenAsync(As("node", database));
        // Every role can read this name in pg_stat_activity.
        var stranger = $"{As("stranger", database)};Pooling=false;Application Name={store.SessionName}";
        await using var connection = new NpgsqlConnection(stranger);
        await connection.OpenAsync(TestContext.Current.CancellationToken);

        Assert.Equal(0, (await store.ReopenAsync()).LastCommit);

        // As after kill -9: the row says that the node is active.
        PostgresServer.Execute(
            database,
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity "
                + $"WHERE application_name = '{store.SessionName}' AND usename = 'node'");
        using var next = await PostgresTests.OpenAsync(As("node", database));
        Assert.Equal(1, PostgresServer.Query<int>(stranger, "SELECT 1"));
    }

    [Theory]
    [InlineData("DROP INDEX users_by_identity", "users_by_identity")]
    [InlineData("ALTER TABLE presence DROP CONSTRAINT presence_pkey", "presence_pkey")]
    [InlineData("DROP FUNCTION purge_rows", "purge_rows")]
    [InlineData("DELETE FROM directory", "directory")]
    [InlineData("DELETE FROM uptime", "uptime")]
    [InlineData("DELETE FROM schema_version", "schema_version")]
    public async Task A_database_whose_restore_did_not_finish_is_rejected(string statement, string missing)
    {
        PostgresTests.SkipIfMissing();
        var schema = PostgresServer.Shared.CreateSchema();
        (await PostgresTests.OpenAsync(schema)).Dispose();
        PostgresServer.Execute(schema, statement);
        await Rejected(schema, PostgresRejection.Damaged, missing);
    }

    private static string As(string role, string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString) { Username = role }.ConnectionString;

    private static string NameOf(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString).Database!;

    private static async Task Rejected(string connectionString, PostgresRejection rejection, string mentioned)
    {
        var exception = await Assert.ThrowsAsync<PostgresRejectedException>(() => PostgresTests.OpenAsync(connectionString));
        Assert.Equal(rejection, exception.Rejection);
        Assert.Contains(mentioned, exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
    }
}
