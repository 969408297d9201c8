using Dapper;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Import;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Storage.Sqlite.Files;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Storage.Tests.Postgres;
using GrpcPresence.Storage.Tests.Sqlite;
using GrpcPresence.Testing;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace GrpcPresence.Storage.Tests.Import;

/// <summary>Tests that a PostgreSQL database takes over everything of a SQLite database, or nothing.</summary>
public sealed class ImportTests : SqliteTestBase
{
    private readonly string _target = NewTarget();

    [Fact]
    public async Task Import_Everything_that_the_port_shows_is_the_same()
    {
        var timelines = FillSource();
        IReadOnlyList<object?> before;
        using (var source = Open())
        {
            timelines = [.. timelines, source.TimelineOf((await source.FindServiceAsync(Sample.ServiceSid(1), Stop))!)];
            before = await StoreContents.ReadAsync(source, Stop);
        }

        var result = await ImportAsync();

        Assert.Equal(new ImportResult(ServiceInstances: 2, Users: 5, PushBindings: 2, ApiKeys: 2), result);
        using var target = PostgresTests.Open(_target);
        var after = await StoreContents.ReadAsync(target, Stop);
        Assert.Equal(before, after);
        var service = (await target.FindServiceAsync(Sample.ServiceSid(1), Stop))!;
        foreach (var timeline in timelines)
            Assert.NotNull(await target.FindTimelineEndAsync(service, timeline, Stop));
    }

    [Fact]
    public async Task Import_Timelines_end_where_the_first_revision_after_them_is_taken()
    {
        FillSource();
        Guid last;
        using (var source = Open())
            last = source.TimelineOf((await source.FindServiceAsync(Sample.ServiceSid(1), Stop))!);
        await ImportAsync();

        using var target = PostgresTests.Open(_target);
        var before = (await target.FindServiceAsync(Sample.ServiceSid(1), Stop))!;
        var session = StoreSession.Of(target);
        var service = session.FindService(Sample.ServiceSid(1))!;
        service = service with { Revision = service.Revision + 1 };
        var added = session.InsertUser(service.Id, Sample.User(50, service.Revision));
        session.UpdateService(service);
        Assert.True(session.Commit().IsWhole);

        Assert.Equal(before.Revision, await target.FindTimelineEndAsync(service, last, Stop));
        Assert.Equal(service.Revision, await target.FindTimelineEndAsync(service, target.TimelineOf(service), Stop));
        // New rows follow the old ones in every list, so page tokens stay valid.
        Assert.Equal(added.Sid, (await target.ListUsersAsync(service.Sid, 0, 100, online: null, Stop)).Users[^1].Sid);
    }

    [Fact]
    public async Task Import_A_cluster_finds_what_was_imported_by_shard_also_where_it_has_used_the_empty_database()
    {
        FillSource();
        PostgresTests.OpenNode(_target).Dispose();
        await ImportAsync();

        using var node = PostgresTests.OpenNode(_target);

        var (online, ended) = (await node.ListOnlineUsersAsync(0, 10, Stop), await node.ListEndedSessionsAsync(0, 10, Stop));
        Assert.NotEmpty(online);
        Assert.NotEmpty(ended);
        foreach (var user in online)
            Assert.Contains(user, await node.ListOnlineUsersAsync(Shard.Of(user.Service, user.Identity), 0, 10, Stop));
        foreach (var session in ended)
            Assert.Contains(session, await node.ListEndedSessionsAsync(Shard.Of(session.Service, session.Identity), 0, 10, Stop));
    }

    [Fact]
    public async Task Import_A_copied_database_makes_webhook_endpoints_receive_every_user()
    {
        FillSource();
        var copy = InDirectory("copy.db");
        SqliteBackup.Backup(DatabasePath, copy);

        await ImportAsync(copy);

        using (var target = PostgresTests.Open(_target))
            Assert.Equal(WebhookSweep.Everyone, (await target.FindWebhookAsync(Sample.ServiceSid(1), Stop))!.Position.Sweep);
        // The import has created the lock file of the copy, and the next server on it must notice the same.
        using var server = Open(copy);
        Assert.Equal(WebhookSweep.Everyone, (await server.FindWebhookAsync(Sample.ServiceSid(1), Stop))!.Position.Sweep);
    }

    [Fact]
    public async Task Import_A_file_in_use_is_rejected()
    {
        using var source = Open();

        await AssertRejectedAsync(DatabaseRejection.InUse, DatabasePath);
    }

    [Fact]
    public async Task Import_A_missing_file_is_rejected() =>
        await AssertRejectedAsync(DatabaseRejection.Missing, InDirectory("nothing.db"));

    [Fact]
    public async Task Import_A_file_that_is_not_a_database_is_rejected()
    {
        await File.WriteAllTextAsync(InDirectory("text.db"), new string('x', 5_000), Stop);
        await AssertRejectedAsync(DatabaseRejection.Damaged, InDirectory("text.db"));

        await File.WriteAllTextAsync(InDirectory("empty.db"), "", Stop);
        await AssertRejectedAsync(DatabaseRejection.Foreign, InDirectory("empty.db"));
    }

    [Fact]
    public async Task Import_A_damaged_file_is_rejected()
    {
        FillSource();
        using (var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false"))
            connection.Execute("DROP INDEX users_by_identity");

        await AssertRejectedAsync(DatabaseRejection.Damaged, DatabasePath);
    }

    [Fact]
    public async Task Import_A_file_of_an_older_schema_is_rejected_with_the_command_that_upgrades_it()
    {
        using (var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false;Foreign Keys=false"))
            connection.Execute(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Sqlite", "Dumps", "0007.sql")));

        var rejected = await AssertRejectedAsync(DatabaseRejection.OlderSchema, DatabasePath);

        Assert.Contains("keys list --database", rejected.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_A_database_with_data_is_not_overwritten()
    {
        FillSource();
        using (var target = PostgresTests.Open(_target))
            AddService(target);

        await AssertRejectedAsync(DatabaseRejection.NotEmpty, DatabasePath);
    }

    [Fact]
    public async Task Import_A_database_that_a_server_uses_is_rejected()
    {
        FillSource();
        using var target = PostgresTests.Open(_target);

        var rejected = await Assert.ThrowsAsync<PostgresRejectedException>(() => ImportAsync());

        Assert.Equal(PostgresRejection.InUse, rejected.Rejection);
    }

    [Fact]
    public async Task Import_While_a_server_starts_on_the_database_fails_with_one_plain_line()
    {
        FillSource();
        PostgresTests.Open(_target).Dispose();
        await using var starting = new NpgsqlConnection($"{_target};Pooling=false");
        await starting.OpenAsync(Stop);
        await using var transaction = await starting.BeginTransactionAsync(Stop);
        await using (var command = new NpgsqlCommand("SELECT FROM nodes FOR UPDATE", starting))
            await command.ExecuteNonQueryAsync(Stop);

        var failed = await Assert.ThrowsAsync<StorageException>(() => ImportAsync());

        Assert.StartsWith("Another session holds a lock", failed.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failed.Message);
    }

    [Fact]
    public async Task Import_Analyses_the_tables_of_the_store_and_no_others()
    {
        FillSource();
        PostgresTests.Open(_target).Dispose();
        PostgresServer.Execute(_target, "CREATE TABLE stranger (id int)");

        await ImportAsync();

        const string Analysed = "SELECT count(*) FROM pg_stat_user_tables WHERE schemaname = current_schema() AND last_analyze IS NOT NULL";
        Assert.Equal(1, PostgresServer.Query<long>(_target, $"{Analysed} AND relname = 'presence'"));
        Assert.Equal(0, PostgresServer.Query<long>(_target, $"{Analysed} AND relname = 'stranger'"));
    }

    [Fact]
    public async Task Import_With_several_hosts_writes_to_the_primary()
    {
        FillSource();
        using var primary = PostgresServer.Start();
        using var standby = primary.StartStandby();

        var result = await ImportAsync(target: $"Host={standby.Directory},{primary.Directory};Database=postgres;Username=postgres");

        Assert.Equal(2, result.ServiceInstances);
    }

    [Fact]
    public async Task Import_That_fails_leaves_an_empty_database_and_can_be_repeated()
    {
        FillSource();
        // A value that PostgreSQL cannot hold, in a table that follows those of users.
        Execute("UPDATE push_bindings SET type = type + (1 << 40)");
        await Assert.ThrowsAsync<OverflowException>(() => ImportAsync());
        Assert.Equal(0, PostgresServer.Query<long>(_target, "SELECT (SELECT count(*) FROM services) + (SELECT count(*) FROM users)"));

        Execute("UPDATE push_bindings SET type = type - (1 << 40)");

        Assert.Equal(2, (await ImportAsync()).ServiceInstances);
    }

    private static string NewTarget()
    {
        PostgresTests.SkipIfMissing();
        return PostgresServer.Shared.CreateSchema();
    }

    private void Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false");
        connection.Execute(sql);
    }

    /// <summary>Fills the file with rows of every kind, over two starts. Returns the timeline of the first one.</summary>
    private Guid[] FillSource()
    {
        Guid first;
        using (var store = Open())
        {
            var session = StoreSession.Of(store);
            var one = session.InsertService(Sample.Service(1) with
            {
                Revision = 6,
                UserCount = 4,
                FriendlyName = "nul\0 and ü",
                Configuration = new ServiceConfiguration { ReachabilityEnabled = true, SwitchedOnRevision = 1, UpdateTime = Sample.Time },
            });
            first = one.Timeline;
            session.InsertService(Sample.Service(2) with { Revision = 1 });
            session.InsertService(Sample.Service(3));
            session.Commit();

            session = StoreSession.Of(store);
            var ada = session.InsertUser(
                one.Id, Sample.OnlineUser(1, 1) with { BindingCount = 2, HadBinding = true, NotifiableRevision = 5 });
            session.InsertUser(one.Id, Sample.User(2, 2) with
            {
                Identity = Identity.FromTrusted("nul\0 and \U0001F600"),
                Attributes = "{\"a\":\"\\u0000\"}",
                FriendlyName = "bob\0",
                RoleSid = Sample.Role(7),
                QuietReasons = UpdateReasons.Attributes,
            });
            session.InsertUser(one.Id, Sample.OnlineUser(3, 3) with
            {
                IsOnline = false,
                LastOnlineTime = Sample.Time.AddTicks(5),
                LastAlive = TimeSpan.FromTicks(77),
            });
            var dan = session.InsertUser(one.Id, Sample.User(4, 4));
            session.InsertUser(one.Id, Sample.OnlineUser(5, 4));
            session.InsertBinding(one.Id, ada.Id, Sample.Binding(1, ada));
            session.InsertBinding(one.Id, ada.Id, Sample.Binding(2, ada) with { Type = BindingType.Fcm, Endpoint = "token\0" });
            session.AddEndedSession(one.Id, ada.Identity, Session("s1"), TimeSpan.FromHours(1));
            session.AddEndedSession(one.Id, Identity.FromTrusted("gone"), Session("s\u00FC"), TimeSpan.FromHours(2));
            session.PutWebhook(StoredWebhook.DefaultOf(one) with
            {
                Settings = new WebhookSettings { PostUrl = "https://hook.example/ü", Filters = ["onUserUpdated", "onUserAdded"] },
                Position = new WebhookPosition(3, KnownSince: 1, new WebhookSweep(1, ada.Id)),
                SecretGeneration = 3,
                Epoch = 12345,
            });
            session.PutNotifications(one.Id, new NotificationSettings { LogEnabled = true });
            session.StoreUptime(new ServerUptime(Sample.Time, TimeSpan.FromTicks(123_456_789)));
            session.InsertApiKey(Key(1));
            session.InsertApiKey(Key(2) with
            {
                Scope = Sample.ServiceSid(3),
                PreviousSecret = new ApiKeySecret("0badsalt", "0badhash"),
                PreviousSecretUntil = Sample.Time.AddHours(1),
                RotateTime = Sample.Time.AddTicks(8),
                RevokeTime = Sample.Time.AddTicks(9),
                CertificateName = "node.example",
                FriendlyName = "key\0",
            });
            session.Commit();

            session = StoreSession.Of(store);
            session.DeleteUser(one.Id, dan, Sample.TombstoneOf(dan, 5));
            session.DeleteService(one.Id + 2);
            session.Commit();
        }
        using (var store = Open())
        {
            // The second start cuts the first timeline.
            var session = StoreSession.Of(store);
            var one = session.FindService(Sample.ServiceSid(1))!;
            session.InsertUser(one.Id, Sample.User(6, 7));
            session.UpdateService(one with { Revision = 7, UserCount = 5 });
            session.Commit();
        }
        return [first];
    }

    private static SessionId Session(string text) => SessionId.FromTrusted(text);

    private static ApiKey Key(int number) => new()
    {
        Sid = new ApiKeySid((UInt128)number),
        FriendlyName = $"key {number}",
        Role = ApiKeyRole.Service,
        Secret = new ApiKeySecret($"salt{number}", $"hash{number}"),
        CreateTime = Sample.Time.AddTicks(number),
    };

    private Task<ImportResult> ImportAsync(string? file = null, string? target = null) => SqliteImport.RunAsync(
        file ?? DatabasePath,
        new PostgresStoreOptions
        {
            ConnectionString = target ?? _target,
            HolderGrace = TimeSpan.FromMilliseconds(100),
            HolderGraceAfterRestart = TimeSpan.FromMilliseconds(200),
            HolderPatience = TimeSpan.FromMilliseconds(300),
        },
        Stop);

    private async Task<DatabaseRejectedException> AssertRejectedAsync(DatabaseRejection rejection, string file)
    {
        var exception = await Assert.ThrowsAsync<DatabaseRejectedException>(() => ImportAsync(file));
        Assert.Equal(rejection, exception.Rejection);
        Assert.DoesNotContain('\n', exception.Message);
        return exception;
    }
}
