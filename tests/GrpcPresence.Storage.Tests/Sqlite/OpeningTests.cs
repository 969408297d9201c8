using System.Text;
using Dapper;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Storage.Sqlite.Files;
using GrpcPresence.Storage.Sqlite.Native;
using GrpcPresence.Storage.Sqlite.Schema;
using GrpcPresence.Storage.Tests.Conformance;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Tests.Sqlite;

/// <summary>Which databases are opened, and which are rejected.</summary>
public sealed class OpeningTests : SqliteTestBase
{
    private const int PageSize = 4096;
    private const int HeaderSize = 100;

    [Fact]
    public async Task A_new_database_is_made_with_its_directory()
    {
        var path = InDirectory(Path.Combine("a", "b", "presence.db"));
        using var store = Open(path);

        Assert.Equal(path, store.Path);
        Assert.Equal("3.", store.SqliteVersion[..2]);
        Assert.Empty(await store.ListServicesAsync(0, 10, Stop));
    }

    [Fact]
    public void A_store_knows_whether_it_made_its_database()
    {
        using (var made = Open())
            Assert.True(made.IsNew);
        using var opened = Open();
        Assert.False(opened.IsNew);
    }

    [Fact]
    public void The_native_SQLite_has_the_fix_of_the_WAL_reset_bug()
    {
        using var store = Open();

        Assert.True(Version.Parse(store.SqliteVersion) >= new Version(3, 51, 3), $"SQLite {store.SqliteVersion} has the WAL-reset bug.");
    }

    [Fact]
    public void An_error_contains_the_full_path_for_a_relative_one()
    {
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, DatabasePath);
        using var store = Open(relative);

        Assert.Equal(DatabasePath, store.Path);
    }

    [Fact]
    public void The_writing_connection_waits_for_the_disk_and_checkpoints_only_on_request()
    {
        using var store = Open();
        var connection = store.WritingConnection;

        Assert.Equal("wal", connection.ExecuteScalar<string>("PRAGMA journal_mode"));
        Assert.Equal(2, connection.ExecuteScalar<int>("PRAGMA synchronous"));
        Assert.Equal(0, connection.ExecuteScalar<int>("PRAGMA wal_autocheckpoint"));
        Assert.Equal(1, connection.ExecuteScalar<int>("PRAGMA foreign_keys"));
        // With no limit (-1), the log would stay as large as after the largest sweep.
        Assert.InRange(connection.ExecuteScalar<int>("PRAGMA journal_size_limit"), 1, 64 * 1024 * 1024);
    }

    [Fact]
    public void A_reading_connection_cannot_write()
    {
        using var store = Open();
        using var reader = new ConnectionFactory(DatabasePath, TimeSpan.Zero).OpenReader();

        var exception = Assert.Throws<SqliteException>(() => reader.Execute("DELETE FROM services"));
        Assert.Equal(SQLitePCL.raw.SQLITE_READONLY, exception.SqliteErrorCode);
    }

    [Fact]
    public void The_writing_connection_is_set_up_alike_after_reopening()
    {
        using var store = Open();
        StoreSession.Of(store).Reopen();
        var connection = store.WritingConnection;

        Assert.Equal(2, connection.ExecuteScalar<int>("PRAGMA synchronous"));
        Assert.Equal(0, connection.ExecuteScalar<int>("PRAGMA wal_autocheckpoint"));
    }

    [Fact]
    public void A_second_store_is_rejected_also_by_another_name_of_the_file()
    {
        var link = InDirectory("link.db");
        File.CreateSymbolicLink(link, DatabasePath);
        using (Open(link))
            AssertRejected(DatabaseRejection.InUse);
        using (Open())
            Assert.Equal(DatabasePath, Assert.Throws<DatabaseRejectedException>(() => Open(link)).Path);
    }

    [Fact]
    public void Links_that_lead_to_themselves_are_a_fault_of_the_storage()
    {
        File.CreateSymbolicLink(DatabasePath, InDirectory("link.db"));
        File.CreateSymbolicLink(InDirectory("link.db"), DatabasePath);

        Assert.Contains(DatabasePath, Assert.Throws<StorageException>(Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_second_store_is_rejected_while_the_first_lives()
    {
        using (Open())
            AssertRejected(DatabaseRejection.InUse);

        Open().Dispose();
        Assert.True(File.Exists(DatabasePath + ".lock"));
    }

    [Fact]
    public void A_rejected_database_is_not_locked_and_not_changed()
    {
        File.WriteAllText(DatabasePath, new string('x', 10_000));

        AssertRejected(DatabaseRejection.Damaged);
        AssertRejected(DatabaseRejection.Damaged);

        Assert.Equal(new string('x', 10_000), File.ReadAllText(DatabasePath));
    }

    [Fact]
    public void A_database_of_another_application_is_rejected_and_not_changed()
    {
        using (var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false"))
            connection.Execute("CREATE TABLE notes (text TEXT); PRAGMA user_version = 1");
        var before = File.ReadAllBytes(DatabasePath);

        AssertRejected(DatabaseRejection.Foreign);

        Assert.Equal(before, File.ReadAllBytes(DatabasePath));
    }

    [Fact]
    public void A_newer_schema_is_rejected_and_not_changed()
    {
        Open().Dispose();
        using (var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false"))
            connection.Execute($"PRAGMA user_version = {Migrations.Latest + 1}");
        var before = File.ReadAllBytes(DatabasePath);

        AssertRejected(DatabaseRejection.NewerSchema);

        Assert.Equal(before, File.ReadAllBytes(DatabasePath));
    }

    [Fact]
    public void A_schema_version_that_was_lost_is_damage()
    {
        Open().Dispose();
        using (var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false"))
            connection.Execute("PRAGMA user_version = 0");

        AssertRejected(DatabaseRejection.Damaged);
    }

    [Fact]
    public void A_database_whose_first_page_is_damaged_is_rejected()
    {
        var whole = MakeDatabase();
        // The magic text, the page size, the schema's format, the type of the tree, and the number of its cells.
        foreach (var at in new[] { 0, 7, 16, 47, 100, 103 })
        {
            File.WriteAllBytes(DatabasePath, Flip(whole, at));
            AssertRejected(DatabaseRejection.Damaged);
        }
    }

    [Fact]
    public void A_damaged_byte_anywhere_in_the_header_is_rejected_with_the_name_of_the_file()
    {
        var whole = MakeDatabase();
        for (var at = 0; at < HeaderSize; at++)
        {
            File.WriteAllBytes(DatabasePath, Flip(whole, at));
            var exception = Record.Exception(() => Open().Dispose());
            if (exception is null)
                continue; // no content depends on this byte
            Assert.True(exception is DatabaseRejectedException or StorageException, $"Byte {at}: {exception}");
            Assert.Contains(DatabasePath, exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_database_that_has_lost_an_index_is_rejected()
    {
        Open().Dispose();
        using (var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false"))
            connection.Execute("DROP INDEX users_by_revision");

        Assert.Contains("users_by_revision", AssertRejected(DatabaseRejection.Damaged).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_additional_index_is_not_damage()
    {
        Open().Dispose();
        using (var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false"))
            connection.Execute("CREATE INDEX users_by_name ON users (friendly_name); ANALYZE");

        Open().Dispose();
    }

    [Fact]
    public void A_database_with_any_damaged_page_is_rejected()
    {
        var whole = MakeDatabase();
        var pages = whole.Length / PageSize;
        Assert.True(pages > 20);
        for (var page = 1; page < pages; page++)
        {
            File.WriteAllBytes(DatabasePath, Flip(whole, page * PageSize));
            AssertRejected(DatabaseRejection.Damaged);
        }
    }

    [Fact]
    public void A_truncated_database_is_rejected()
    {
        var whole = MakeDatabase();
        File.WriteAllBytes(DatabasePath, whole[..(whole.Length / 2 / PageSize * PageSize)]);

        AssertRejected(DatabaseRejection.Damaged);
    }

    [Fact]
    public void A_log_without_its_database_is_rejected()
    {
        File.WriteAllBytes(DatabasePath + "-wal", Encoding.UTF8.GetBytes("the rest of acknowledged changes"));
        AssertRejected(DatabaseRejection.Damaged);

        File.WriteAllBytes(DatabasePath, []);
        AssertRejected(DatabaseRejection.Damaged);

        Assert.True(File.Exists(DatabasePath + "-wal"));
    }

    [Fact]
    public void What_cannot_be_opened_now_is_a_fault_of_the_storage()
    {
        Directory.CreateDirectory(DatabasePath);
        Assert.Throws<StorageException>(Open);

        File.WriteAllText(InDirectory("file"), "");
        Assert.Throws<StorageException>(() => Open(InDirectory(Path.Combine("file", "presence.db"))));
    }

    [Fact]
    public void Migrations_run_once()
    {
        Open().Dispose();
        using var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false");
        var schema = connection.Query<string>("SELECT sql FROM sqlite_schema").AsList();

        connection.Open();
        Migrations.Run(connection);
        Migrations.Run(connection);

        Assert.Equal(schema, connection.Query<string>("SELECT sql FROM sqlite_schema"));
        Assert.Equal(Migrations.Latest, connection.ExecuteScalar<long>("PRAGMA user_version"));
    }

    [Fact]
    public async Task The_users_of_a_database_from_before_they_were_counted_are_counted_once()
    {
        using (var store = Open())
        {
            AddService(store);
            AddUsers(store, 1, 2, 3);
            var session = StoreSession.Of(store);
            session.InsertService(Sample.Service(2));
            session.Commit();
        }
        GoBackToVersion3("ALTER TABLE services DROP COLUMN user_count; PRAGMA user_version = 2");

        using var migrated = Open();
        Assert.Equal([3, 0], (await migrated.ListServicesAsync(0, 10, Stop)).Select(service => service.UserCount));
    }

    [Fact]
    public async Task A_database_from_before_webhooks_has_none_and_all_its_changes_were_loud()
    {
        UserKey key;
        using (var store = Open())
        {
            AddService(store);
            AddUsers(store, 1);
            key = new UserKey(Sample.Identity(1));
        }
        GoBackToVersion3();

        using var migrated = Open();
        var service = Assert.Single(await migrated.ListServicesAsync(0, 10, Stop)).Sid;
        Assert.Null(await migrated.FindWebhookAsync(service, Stop));
        Assert.Equal(new NotificationSettings(), await migrated.FindNotificationsAsync(service, Stop));
        var user = Assert.Single((await migrated.FindUsersAsync(service, [key], Stop)).Users);
        Assert.Equal(UpdateReasons.None, user.Record!.QuietReasons);
    }

    [Fact]
    public void A_migration_that_was_cut_off_is_run_again()
    {
        // The files after a crash during the first start: an empty file in WAL mode.
        using (var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false"))
            connection.Execute("PRAGMA journal_mode = WAL");

        using var store = Open();
        AddService(store);
    }

    [Fact]
    public async Task A_closed_store_cannot_be_read()
    {
        var store = Open();
        store.Dispose();
        store.Dispose();

        await Assert.ThrowsAsync<StorageException>(async () => await store.FindServiceAsync(Sample.ServiceSid(1), Stop));
        Assert.Throws<StorageException>(() => AddUsers(store, 1));
        store.Maintain(idle: true);
    }

    /// <summary>Reverts the closed database to its schema before webhooks, and applies further statements.</summary>
    private void GoBackToVersion3(string further = "")
    {
        using var connection = new SqliteConnection($"Data Source={DatabasePath};Pooling=false");
        connection.Execute(
            """
            ALTER TABLE services DROP COLUMN version;
            ALTER TABLE services DROP COLUMN next_user_id;
            ALTER TABLE services DROP COLUMN next_binding_id;
            ALTER TABLE last_commit DROP COLUMN directory_version;
            DROP TABLE uptime;
            DROP TABLE ended_sessions;
            ALTER TABLE users DROP COLUMN last_alive;
            DROP TABLE webhooks;
            DROP TABLE notifications;
            DROP INDEX push_bindings_by_type;
            DROP INDEX users_offline;
            ALTER TABLE users DROP COLUMN quiet_reasons;
            PRAGMA user_version = 3;
            """ + further);
    }

    private byte[] MakeDatabase()
    {
        using (var store = Open())
        {
            AddService(store);
            AddUsers(store, Enumerable.Range(1, 200));
        }
        Assert.False(File.Exists(DatabasePath + "-wal"));
        return File.ReadAllBytes(DatabasePath);
    }

    private static byte[] Flip(byte[] whole, int at)
    {
        var damaged = whole.ToArray();
        damaged[at] ^= 0x5A;
        return damaged;
    }
}
