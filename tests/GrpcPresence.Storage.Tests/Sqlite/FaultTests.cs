using Dapper;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Storage.Tests.Conformance;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Tests.Sqlite;

/// <summary>Storage errors while the store is open.</summary>
public sealed class FaultTests : SqliteTestBase
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_full_disk_loses_one_transaction_and_nothing_else(bool reopens)
    {
        using var store = Open();
        AddService(store);
        AddUsers(store, Enumerable.Range(1, 20));
        var pages = store.WritingConnection.ExecuteScalar<long>("PRAGMA page_count");
        store.WritingConnection.Execute($"PRAGMA max_page_count = {pages + 2}");

        using (var transaction = store.BeginTransaction())
        {
            Assert.Throws<StorageException>(() => AddUsers(transaction, Enumerable.Range(100, 500)));
            // SQLite has rolled back by itself. No later statement may commit on its own.
            Assert.Throws<StorageException>(() => AddUsers(transaction, [1000]));
            Assert.Throws<StorageException>(transaction.Commit);
        }
        Assert.Equal(20, await WholeRevision(store));

        if (reopens)
            store.Reopen();
        else
            store.WritingConnection.Execute("PRAGMA max_page_count = 1000000");
        AddUsers(store, Enumerable.Range(100, 500));
        Assert.Equal(520, await WholeRevision(store));
    }

    [Fact]
    public async Task A_database_that_cannot_be_written_can_be_read()
    {
        using var store = Open();
        AddService(store);
        AddUsers(store, 1);
        store.WritingConnection.Execute("PRAGMA query_only = ON");

        Assert.Throws<StorageException>(store.BeginTransaction);
        Assert.Equal(1, await WholeRevision(store));

        store.Reopen();
        AddUsers(store, 2);
        Assert.Equal(2, await WholeRevision(store));
    }

    [Fact]
    public async Task While_another_process_holds_the_lock_writes_fail_and_reads_work()
    {
        using var store = Open();
        AddService(store);
        using (var outside = new SqliteConnection($"Data Source={DatabasePath};Pooling=false"))
        {
            outside.Open();
            outside.Execute("BEGIN IMMEDIATE");
            Assert.Throws<StorageException>(store.BeginTransaction);
            Assert.Equal(0, await WholeRevision(store));
            outside.Execute("ROLLBACK");
        }

        AddUsers(store, 1);
        Assert.Equal(1, await WholeRevision(store));
    }

    [Fact]
    public async Task A_violated_constraint_is_a_fault_of_the_program_and_the_transaction_can_still_be_rolled_back()
    {
        using var store = Open();
        AddService(store);
        AddUsers(store, 1);

        using (var transaction = store.BeginTransaction())
        {
            AddUsers(transaction, [2]);
            Assert.Throws<SqliteException>(() => AddUsers(transaction, [1]));
        }

        AddUsers(store, 3);
        Assert.Equal(2, await WholeRevision(store));
        Assert.Null(await FindUser(store, 2));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Reopening_reveals_whether_a_commit_that_reported_failure_happened(bool happened)
    {
        using var store = Open();
        AddService(store);
        AddUsers(store, 1);
        var before = store.Reopen();
        long id;
        using (var transaction = store.BeginTransaction())
        {
            id = transaction.Id;
            AddUsers(transaction, [2]);
            // Outside the transaction object, so that its own commit fails.
            store.WritingConnection.Execute(happened ? $"UPDATE last_commit SET id = {id}; COMMIT" : "ROLLBACK");
            Assert.Throws<StorageException>(transaction.Commit);
        }

        Assert.Equal(happened ? id : before, store.Reopen());
        Assert.Equal(happened ? 2 : 1, await WholeRevision(store));
        AddUsers(store, 3);
        Assert.Equal(happened ? 3 : 2, await WholeRevision(store));
    }

    [Fact]
    public async Task A_cut_survives_a_first_commit_that_reported_failure_and_happened()
    {
        Guid earlier;
        using (var first = Open())
        {
            earlier = first.TimelineOf(AddService(first));
            AddUsers(first, 1);
        }
        using var store = Open();
        using (var transaction = store.BeginTransaction())
        {
            AddUsers(transaction, [2]);
            store.WritingConnection.Execute("COMMIT");
            Assert.Throws<StorageException>(transaction.Commit);
        }
        store.Reopen();
        AddUsers(store, 3);

        var service = await store.FindServiceAsync(Sample.ServiceSid(1), Stop);
        Assert.Equal(1, await store.FindTimelineEndAsync(service!, earlier, Stop));
    }

    [Fact]
    public async Task A_cut_that_the_first_commit_lost_is_stored_by_the_next_one()
    {
        Guid earlier;
        using (var first = Open())
        {
            earlier = first.TimelineOf(AddService(first));
            AddUsers(first, 1);
        }
        using var store = Open();
        using (var transaction = store.BeginTransaction())
        {
            AddUsers(transaction, [2]);
            store.WritingConnection.Execute("ROLLBACK");
            Assert.Throws<StorageException>(transaction.Commit);
        }
        store.Reopen();
        AddUsers(store, 3);
        AddUsers(store, 4);

        var service = await store.FindServiceAsync(Sample.ServiceSid(1), Stop);
        Assert.Equal(1, await store.FindTimelineEndAsync(service!, earlier, Stop));
    }

    [Fact]
    public async Task A_missing_database_is_not_created_again()
    {
        using var store = Open();
        AddService(store);
        File.Move(DatabasePath, InDirectory("elsewhere"));

        Assert.Throws<StorageException>(() => store.Reopen());
        Assert.Throws<StorageException>(store.BeginTransaction);
        await Assert.ThrowsAsync<StorageException>(async () => await store.FindServiceAsync(Sample.ServiceSid(1), Stop));
        store.Maintain(idle: true);
        Assert.False(File.Exists(DatabasePath));

        File.Move(InDirectory("elsewhere"), DatabasePath);
        store.Reopen();
        AddUsers(store, 1);
        Assert.Equal(1, await WholeRevision(store));
    }

    [Fact]
    public async Task Damage_that_is_met_while_reading_is_a_fault_of_the_storage()
    {
        using (var store = Open())
        {
            AddService(store);
            AddUsers(store, Enumerable.Range(1, 200));
        }
        using (var store = Open())
        {
            using (var file = new FileStream(DatabasePath, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            {
                for (var page = 1; page < file.Length / 4096; page++)
                {
                    file.Position = page * 4096;
                    file.Write(new byte[200]);
                }
            }
            await Assert.ThrowsAsync<StorageException>(async () => await WholeRevision(store));
        }
    }
}
