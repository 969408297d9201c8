using Dapper;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Storage.Sqlite.Files;
using GrpcPresence.Storage.Tests.Conformance;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Tests.Sqlite;

/// <summary>Backup and restore.</summary>
public sealed class BackupTests : SqliteTestBase
{
    private string BackupPath => InDirectory("backup.db");

    [Fact]
    public async Task A_backup_is_made_while_the_store_is_open_and_holds_one_moment()
    {
        using var store = Open();
        AddService(store);
        AddUsers(store, Enumerable.Range(1, 30));
        using (var writer = new SqliteConnection($"Data Source={DatabasePath};Pooling=false"))
        {
            // A commit that has begun must be neither in the backup nor in its way.
            writer.Open();
            writer.Execute("BEGIN IMMEDIATE; UPDATE services SET revision = 999");
            SqliteBackup.Backup(DatabasePath, BackupPath);
            writer.Execute("ROLLBACK");
        }
        AddUsers(store, 31);

        using var copy = Open(BackupPath);
        Assert.Equal(30, await WholeRevision(copy));
        Assert.Equal(31, await WholeRevision(store));
        Assert.Equal(await FindUser(store, 7), await FindUser(copy, 7));
    }

    [Fact]
    public async Task A_backup_can_be_made_of_a_closed_database()
    {
        using (var store = Open())
        {
            AddService(store);
            AddUsers(store, 1);
        }
        SqliteBackup.Backup(DatabasePath, BackupPath);

        using var copy = Open(BackupPath);
        Assert.Equal(1, await WholeRevision(copy));
    }

    [Theory]
    [InlineData("presence")]
    [InlineData("with % and ? and # in it")]
    public async Task A_closed_database_beside_which_no_file_can_be_made_can_be_backed_up(string name)
    {
        using (var store = Open())
        {
            AddService(store);
            AddUsers(store, 1);
        }
        // The longest name that a file may have. With a suffix it is too long, which has the effect of a read-only medium, also for root.
        var database = InDirectory(name.PadRight(255, 'x'));
        File.Move(DatabasePath, database);

        SqliteBackup.Backup(database, BackupPath);

        using var copy = Open(BackupPath);
        Assert.Equal(1, await WholeRevision(copy));
    }

    [Fact]
    public void A_backup_overwrites_nothing()
    {
        using var store = Open();
        File.WriteAllText(BackupPath, "precious");

        Assert.Equal(DatabaseRejection.Exists, RejectionOf(() => SqliteBackup.Backup(DatabasePath, BackupPath)));
        Assert.Equal("precious", File.ReadAllText(BackupPath));
    }

    [Fact]
    public void A_backup_of_a_missing_database_is_rejected_and_leaves_no_file()
    {
        Assert.Equal(DatabaseRejection.Missing, RejectionOf(() => SqliteBackup.Backup(DatabasePath, BackupPath)));
        File.WriteAllBytes(DatabasePath, []);
        Assert.Equal(DatabaseRejection.Foreign, RejectionOf(() => SqliteBackup.Backup(DatabasePath, BackupPath)));
        File.WriteAllText(DatabasePath, new string('x', 5000));
        Assert.Equal(DatabaseRejection.Damaged, RejectionOf(() => SqliteBackup.Backup(DatabasePath, BackupPath)));

        Assert.Equal([DatabasePath], Directory.GetFiles(Path.GetDirectoryName(DatabasePath)!));
    }

    [Fact]
    public void A_backup_that_cannot_be_written_is_a_fault_of_the_storage()
    {
        using var store = Open();

        Assert.Throws<StorageException>(() => SqliteBackup.Backup(DatabasePath, InDirectory(Path.Combine("missing", "backup.db"))));
    }

    [Fact]
    public async Task A_restored_database_distinguishes_lost_revisions_from_those_that_replace_them()
    {
        Guid timeline;
        using (var store = Open())
        {
            var service = AddService(store);
            timeline = store.TimelineOf(service);
            AddUsers(store, Enumerable.Range(1, 5));
            SqliteBackup.Backup(DatabasePath, BackupPath);
            AddUsers(store, Enumerable.Range(6, 5));
            Assert.Equal(10, await store.FindTimelineEndAsync(service, timeline, Stop));
        }

        SqliteBackup.Restore(BackupPath, DatabasePath);

        using var restored = Open();
        var found = (await restored.FindServiceAsync(Sample.ServiceSid(1), Stop))!;
        Assert.Equal(5, await WholeRevision(restored));
        Assert.NotEqual(timeline, restored.TimelineOf(found));
        Assert.Equal(5, await restored.FindTimelineEndAsync(found, timeline, Stop));
        AddUsers(restored, Enumerable.Range(100, 50));
        Assert.Equal(5, await restored.FindTimelineEndAsync(found, timeline, Stop));
        Assert.True(File.Exists(BackupPath));
    }

    [Fact]
    public async Task A_timeline_that_began_after_the_backup_is_unknown_once_it_is_restored()
    {
        using (var store = Open())
        {
            AddService(store);
            SqliteBackup.Backup(DatabasePath, BackupPath);
        }
        Guid later;
        using (var store = Open())
        {
            AddUsers(store, 1);
            later = store.TimelineOf((await store.FindServiceAsync(Sample.ServiceSid(1), Stop))!);
        }
        SqliteBackup.Restore(BackupPath, DatabasePath);

        using var restored = Open();
        Assert.Null(await restored.FindTimelineEndAsync((await restored.FindServiceAsync(Sample.ServiceSid(1), Stop))!, later, Stop));
    }

    [Fact]
    public async Task A_backup_is_restored_where_no_database_was()
    {
        using (var store = Open())
            AddService(store);
        SqliteBackup.Backup(DatabasePath, BackupPath);
        var elsewhere = InDirectory(Path.Combine("new", "presence.db"));

        SqliteBackup.Restore(BackupPath, elsewhere);

        using var restored = Open(elsewhere);
        Assert.Equal(0, await WholeRevision(restored));
    }

    [Fact]
    public async Task A_log_of_the_replaced_database_is_not_applied_to_the_restored_one()
    {
        using (var store = Open())
        {
            AddService(store);
            AddUsers(store, 1);
            SqliteBackup.Backup(DatabasePath, BackupPath);
            AddUsers(store, Enumerable.Range(2, 100));
            File.Copy(DatabasePath, InDirectory("crashed.db"));
            File.Copy(DatabasePath + "-wal", InDirectory("crashed.db-wal"));
        }

        SqliteBackup.Restore(BackupPath, InDirectory("crashed.db"));

        Assert.False(File.Exists(InDirectory("crashed.db-wal")));
        using var restored = Open(InDirectory("crashed.db"));
        Assert.Equal(1, await WholeRevision(restored));
    }

    [Fact]
    public async Task A_rollback_journal_of_the_replaced_database_is_not_applied_to_the_restored_one()
    {
        using (var store = Open())
        {
            AddService(store);
            AddUsers(store, Enumerable.Range(1, 100));
        }
        SqliteBackup.Backup(DatabasePath, BackupPath);
        var abandoned = InDirectory("abandoned.db");
        LeaveRollbackJournal(abandoned);

        SqliteBackup.Restore(BackupPath, abandoned);

        Assert.False(File.Exists(abandoned + "-journal"));
        using var restored = Open(abandoned);
        Assert.Equal(100, await WholeRevision(restored));
    }

    [Fact]
    public async Task A_database_with_a_reader_is_not_replaced_before_its_log_is_in_it()
    {
        var crashed = InDirectory("crashed.db");
        using (var store = Open())
        {
            AddService(store);
            SqliteBackup.Backup(DatabasePath, BackupPath);
            AddUsers(store, Enumerable.Range(1, 5));
            File.Copy(DatabasePath, crashed);
            File.Copy(DatabasePath + "-wal", crashed + "-wal");
        }
        using (var reader = new SqliteConnection($"Data Source={crashed};Pooling=false"))
        {
            reader.Open();
            reader.Execute("BEGIN;");
            reader.ExecuteScalar<long>("SELECT count(*) FROM users");
            Assert.Equal(
                DatabaseRejection.InUse, RejectionOf(() => SqliteBackup.Restore(BackupPath, crashed, TimeSpan.FromMilliseconds(1))));
        }

        using (var old = Open(crashed))
            Assert.Equal(5, await WholeRevision(old));
        SqliteBackup.Restore(BackupPath, crashed);
        using var restored = Open(crashed);
        Assert.Equal(0, await WholeRevision(restored));
    }

    [Fact]
    public async Task A_link_to_a_database_stays_a_link_when_a_backup_is_restored()
    {
        using (var store = Open())
        {
            AddService(store);
            SqliteBackup.Backup(DatabasePath, BackupPath);
            AddUsers(store, 1);
        }
        var link = InDirectory("link.db");
        File.CreateSymbolicLink(link, DatabasePath);

        SqliteBackup.Restore(BackupPath, link);

        Assert.Equal(DatabasePath, File.ResolveLinkTarget(link, returnFinalTarget: false)?.FullName);
        using var restored = Open();
        Assert.Equal(0, await WholeRevision(restored));
    }

    [Fact]
    public async Task A_file_in_place_of_a_lost_database_is_not_taken_for_a_new_one_while_its_log_is_removed()
    {
        using (var store = Open())
        {
            AddService(store);
            AddUsers(store, 1);
            SqliteBackup.Backup(DatabasePath, BackupPath);
            File.Copy(DatabasePath + "-wal", InDirectory("lost.db-wal"));
        }
        var lost = InDirectory("lost.db");
        AssertRejected(DatabaseRejection.Damaged, lost);

        // The file cannot be replaced, as if the process had ended before the last step.
        Directory.CreateDirectory(lost + "-shm");
        Assert.Throws<StorageException>(() => SqliteBackup.Restore(BackupPath, lost));
        Assert.False(File.Exists(lost + "-wal"));
        Directory.Delete(lost + "-shm");
        AssertRejected(DatabaseRejection.Damaged, lost);

        SqliteBackup.Restore(BackupPath, lost);
        using var restored = Open(lost);
        Assert.Equal(1, await WholeRevision(restored));
    }

    [Fact]
    public async Task A_database_of_an_unknown_format_is_replaced_by_a_backup()
    {
        using (var store = Open())
            AddService(store);
        SqliteBackup.Backup(DatabasePath, BackupPath);
        const int SchemaFormatAt = 47;
        var content = File.ReadAllBytes(DatabasePath);
        content[SchemaFormatAt] = 99;
        File.WriteAllBytes(DatabasePath, content);
        AssertRejected(DatabaseRejection.Damaged);

        SqliteBackup.Restore(BackupPath, DatabasePath);

        using var restored = Open();
        Assert.Equal(0, await WholeRevision(restored));
    }

    [Fact]
    public async Task A_damaged_database_is_replaced_by_a_backup()
    {
        using (var store = Open())
            AddService(store);
        SqliteBackup.Backup(DatabasePath, BackupPath);
        File.WriteAllText(DatabasePath, new string('x', 5000));
        File.WriteAllText(DatabasePath + "-wal", "left over");
        AssertRejected(DatabaseRejection.Damaged);

        SqliteBackup.Restore(BackupPath, DatabasePath);

        using var restored = Open();
        Assert.Equal(0, await WholeRevision(restored));
    }

    [Fact]
    public async Task A_database_in_use_is_not_replaced()
    {
        using var store = Open();
        AddService(store);
        SqliteBackup.Backup(DatabasePath, BackupPath);
        AddUsers(store, 1);

        Assert.Equal(DatabaseRejection.InUse, RejectionOf(() => SqliteBackup.Restore(BackupPath, DatabasePath)));

        Assert.Equal(1, await WholeRevision(store));
    }

    [Fact]
    public async Task A_bad_backup_is_rejected_and_the_database_stays()
    {
        using (var store = Open())
        {
            AddService(store);
            AddUsers(store, Enumerable.Range(1, 100));
        }
        SqliteBackup.Backup(DatabasePath, BackupPath);
        var damaged = File.ReadAllBytes(BackupPath);
        damaged[(5 * 4096) + 1] ^= 0x5A;
        File.WriteAllBytes(BackupPath, damaged);
        using (var foreign = new SqliteConnection($"Data Source={InDirectory("foreign.db")};Pooling=false"))
            foreign.Execute("CREATE TABLE notes (text TEXT)");

        Assert.Equal(DatabaseRejection.Damaged, RejectionOf(() => SqliteBackup.Restore(BackupPath, DatabasePath)));
        Assert.Equal(DatabaseRejection.Foreign, RejectionOf(() => SqliteBackup.Restore(InDirectory("foreign.db"), DatabasePath)));
        Assert.Equal(DatabaseRejection.Missing, RejectionOf(() => SqliteBackup.Restore(InDirectory("missing.db"), DatabasePath)));

        Assert.False(File.Exists(DatabasePath + ".partial"));
        using var kept = Open();
        Assert.Equal(100, await WholeRevision(kept));
    }

    /// <summary>Leaves the journal of an interrupted transaction, without the file to which it belongs.</summary>
    private void LeaveRollbackJournal(string database)
    {
        var begun = InDirectory("begun.db");
        using var connection = new SqliteConnection($"Data Source={begun};Pooling=false");
        connection.Open();
        connection.Execute("CREATE TABLE notes (text TEXT); PRAGMA cache_size = 5; BEGIN;");
        // More than the cache: it spills, so the journal is complete.
        for (var i = 0; i < 100; i++)
            connection.Execute("INSERT INTO notes VALUES (@Text)", new { Text = new string('a', 2000) });
        File.Copy(begun + "-journal", database + "-journal");
    }

    private static DatabaseRejection RejectionOf(Action action) => Assert.Throws<DatabaseRejectedException>(action).Rejection;
}
