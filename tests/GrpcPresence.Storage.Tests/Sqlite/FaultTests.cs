using Dapper;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Sqlite.Store;
using GrpcPresence.Storage.Tests.Conformance;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Tests.Sqlite;

/// <summary>Storage errors while the store is open.</summary>
public sealed class FaultTests : SqliteTestBase
{
    [Fact]
    public async Task A_full_disk_loses_one_commit_and_nothing_else()
    {
        using var store = Open();
        AddService(store);
        AddUsers(store, Enumerable.Range(1, 20));
        var pages = store.WritingConnection.ExecuteScalar<long>("PRAGMA page_count");
        store.WritingConnection.Execute($"PRAGMA max_page_count = {pages + 2}");

        // SQLite rolls back by itself in the middle. No later statement may commit on its own.
        Assert.Throws<StorageException>(() => AddUsers(store, Enumerable.Range(100, 500)));
        Assert.Equal(20, await WholeRevision(store));

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

        Assert.Throws<StorageException>(() => AddUsers(store, 2));
        Assert.Equal(1, await WholeRevision(store));

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
            Assert.Throws<StorageException>(() => AddUsers(store, 1));
            Assert.Equal(0, await WholeRevision(store));
            outside.Execute("ROLLBACK");
        }

        AddUsers(store, 1);
        Assert.Equal(1, await WholeRevision(store));
    }

    [Fact]
    public async Task A_violated_constraint_is_a_fault_of_the_program_and_nothing_of_its_commit_is_written()
    {
        using var store = Open();
        AddService(store);
        AddUsers(store, 1);

        Assert.Throws<SqliteException>(() => AddUsers(store, 2, 1));

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
        var before = StoreSession.Of(store).Reopen().LastCommit;
        // From outside, so that the store's own commit fails.
        EndNextCommitWith(store, happened ? $"UPDATE last_commit SET id = {before + 1}; COMMIT" : "ROLLBACK");
        Assert.Throws<StorageException>(() => AddUsers(store, 2));

        var position = StoreSession.Of(store).Reopen();
        Assert.Equal(happened ? before + 1 : before, position.LastCommit);
        Assert.Equal(happened, position.LastResult is { IsWhole: true });
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
        EndNextCommitWith(store, "UPDATE last_commit SET id = id + 1; COMMIT");
        Assert.Throws<StorageException>(() => AddUsers(store, 2));
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
        EndNextCommitWith(store, "ROLLBACK");
        Assert.Throws<StorageException>(() => AddUsers(store, 2));
        AddUsers(store, 3);
        AddUsers(store, 4);

        var service = await store.FindServiceAsync(Sample.ServiceSid(1), Stop);
        Assert.Equal(1, await store.FindTimelineEndAsync(service!, earlier, Stop));
    }

    [Fact]
    public void After_a_commit_that_failed_no_other_is_made_until_the_store_is_reopened()
    {
        using var store = Open();
        AddService(store);
        var session = StoreSession.Of(store);
        AddUsers(session, [1]);
        var writes = session.Build();
        EndNextCommitWith(store, "ROLLBACK");
        Assert.Throws<StorageException>(() => session.Commit(writes));

        // Its outcome could be unknown, so that the number is not known to be free.
        Assert.Throws<StorageException>(() => session.Commit(writes));
        AddUsers(store, 1);
    }

    [Fact]
    public async Task Reads_and_commits_of_the_writer_are_complete_when_they_return()
    {
        using var store = Open();

        var reopening = store.ReopenAsync().AsTask();
        Assert.True(reopening.IsCompletedSuccessfully);
        var position = await reopening;
        var keys = new BatchKeys();
        keys.Service(Sample.ServiceSid(1)).AddPresence(new UserLookup(new UserKey(Sample.Identity(1))));
        Assert.True(store.ReadBatchAsync(keys, new BatchRead()).AsTask().IsCompletedSuccessfully);
        var writes = new BatchWrites { Generation = position.Generation, Number = position.LastCommit + 1 };
        Assert.True(store.CommitAsync(writes).AsTask().IsCompletedSuccessfully);
        Assert.True(store.PurgeAsync(Sample.Time, 10).AsTask().IsCompletedSuccessfully);
    }

    [Fact]
    public async Task A_missing_database_is_not_created_again()
    {
        using var store = Open();
        AddService(store);
        File.Move(DatabasePath, InDirectory("elsewhere"));

        Assert.Throws<StorageException>(() => StoreSession.Of(store).Reopen());
        Assert.Throws<StorageException>(() => AddUsers(store, 1));
        await Assert.ThrowsAsync<StorageException>(async () => await store.FindServiceAsync(Sample.ServiceSid(1), Stop));
        store.Maintain(idle: true);
        Assert.False(File.Exists(DatabasePath));

        File.Move(InDirectory("elsewhere"), DatabasePath);
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

    private static void EndNextCommitWith(SqlitePresenceStore store, string sql) => store.BeforeCommit = () =>
    {
        store.BeforeCommit = null;
        store.WritingConnection.Execute(sql);
    };
}
