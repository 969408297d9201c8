using Dapper;
using GrpcPresence.Core.Errors;
using GrpcPresence.Storage.Sqlite;
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
        using (var transaction = store.BeginTransaction())
        {
            AddUsers(transaction, [31]);
            SqliteBackup.Backup(DatabasePath, BackupPath);
            transaction.Commit();
        }

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

    [Fact]
    public void A_backup_overwrites_nothing()
    {
        using var store = Open();
        File.WriteAllText(BackupPath, "precious");

        Assert.Equal(DatabaseRefusal.Exists, RefusalOf(() => SqliteBackup.Backup(DatabasePath, BackupPath)));
        Assert.Equal("precious", File.ReadAllText(BackupPath));
    }

    [Fact]
    public void A_backup_of_nothing_is_refused_and_leaves_nothing()
    {
        Assert.Equal(DatabaseRefusal.Missing, RefusalOf(() => SqliteBackup.Backup(DatabasePath, BackupPath)));
        File.WriteAllBytes(DatabasePath, []);
        Assert.Equal(DatabaseRefusal.Foreign, RefusalOf(() => SqliteBackup.Backup(DatabasePath, BackupPath)));
        File.WriteAllText(DatabasePath, new string('x', 5000));
        Assert.Equal(DatabaseRefusal.Damaged, RefusalOf(() => SqliteBackup.Backup(DatabasePath, BackupPath)));

        Assert.Equal([DatabasePath], Directory.GetFiles(Path.GetDirectoryName(DatabasePath)!));
    }

    [Fact]
    public void A_backup_that_cannot_be_written_is_a_fault_of_the_storage()
    {
        using var store = Open();

        Assert.Throws<StorageException>(() => SqliteBackup.Backup(DatabasePath, InDirectory(Path.Combine("missing", "backup.db"))));
    }

    [Fact]
    public async Task A_restored_database_recognizes_the_revisions_that_were_lost()
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
    public async Task A_damaged_database_is_replaced_by_a_backup()
    {
        using (var store = Open())
            AddService(store);
        SqliteBackup.Backup(DatabasePath, BackupPath);
        File.WriteAllText(DatabasePath, new string('x', 5000));
        File.WriteAllText(DatabasePath + "-wal", "left over");
        AssertRefused(DatabaseRefusal.Damaged);

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

        Assert.Equal(DatabaseRefusal.InUse, RefusalOf(() => SqliteBackup.Restore(BackupPath, DatabasePath)));

        Assert.Equal(1, await WholeRevision(store));
    }

    [Fact]
    public async Task A_bad_backup_is_refused_and_the_database_stays()
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

        Assert.Equal(DatabaseRefusal.Damaged, RefusalOf(() => SqliteBackup.Restore(BackupPath, DatabasePath)));
        Assert.Equal(DatabaseRefusal.Foreign, RefusalOf(() => SqliteBackup.Restore(InDirectory("foreign.db"), DatabasePath)));
        Assert.Equal(DatabaseRefusal.Missing, RefusalOf(() => SqliteBackup.Restore(InDirectory("missing.db"), DatabasePath)));

        Assert.False(File.Exists(DatabasePath + ".partial"));
        using var kept = Open();
        Assert.Equal(100, await WholeRevision(kept));
    }

    private static DatabaseRefusal RefusalOf(Action action) => Assert.Throws<DatabaseRefusedException>(action).Refusal;
}
