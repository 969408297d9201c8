using Dapper;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Storage.Sqlite.Native;
using GrpcPresence.Storage.Sqlite.Store;
using GrpcPresence.Storage.Tests.Conformance;

namespace GrpcPresence.Storage.Tests.Sqlite;

/// <summary>What remains after a crash: the files are copied while the store is open, as a crash would leave them.</summary>
public sealed class DurabilityTests : SqliteTestBase
{
    private const int FrameBytes = 4096 + 24;

    [Theory]
    [InlineData("")]
    [InlineData("-wal")]
    public void A_commit_to_a_file_that_was_removed_is_not_acknowledged(string suffix)
    {
        using var store = Open();
        AddService(store);
        File.Delete(DatabasePath + suffix);

        Assert.Throws<StorageException>(() => AddUsers(store, 1));
        Assert.Throws<StorageException>(() => StoreSession.Of(store).Reopen());
        Assert.Throws<StorageException>(() => AddUsers(store, 2));
    }

    [Fact]
    public void A_commit_to_a_file_that_was_replaced_is_not_acknowledged_until_it_is_back()
    {
        using var store = Open();
        AddService(store);
        File.Move(DatabasePath, InDirectory("away.db"));
        File.WriteAllText(DatabasePath, "another");
        Assert.Throws<StorageException>(() => AddUsers(store, 1));

        File.Move(InDirectory("away.db"), DatabasePath, overwrite: true);
        StoreSession.Of(store).Reopen();
        AddUsers(store, 2);
    }

    [Fact]
    public async Task What_was_committed_before_the_log_was_removed_is_there_after_an_orderly_end()
    {
        using (var store = Open())
        {
            AddService(store);
            AddUsers(store, Enumerable.Range(1, 5));
            File.Delete(DatabasePath + "-wal");
            Assert.Throws<StorageException>(() => StoreSession.Of(store).Reopen());
        }

        using var again = Open();
        Assert.Equal(5, await WholeRevision(again));
    }

    [Fact]
    public async Task Everything_committed_survives_a_crash()
    {
        using var store = Open();
        AddService(store);
        AddUsers(store, Enumerable.Range(1, 50));
        store.WritingConnection.Execute("BEGIN IMMEDIATE; UPDATE services SET revision = 51");
        CopyTo("crashed.db", log: null);
        store.WritingConnection.Execute("ROLLBACK");

        using var crashed = Open(InDirectory("crashed.db"));
        Assert.Equal(50, await WholeRevision(crashed));
    }

    [Fact]
    public async Task A_cut_log_gives_a_prefix_and_the_lost_revisions_are_not_of_the_timeline()
    {
        const int Commits = 8;
        using var store = Open();
        var service = AddService(store);
        for (var number = 1; number <= Commits; number++)
            AddUsers(store, number);
        var timeline = store.TimelineOf(service);
        var log = ReadLog();
        var seen = new HashSet<int>();

        for (long length = log.Length; length >= 0; length -= FrameBytes / 2)
        {
            var path = CopyTo($"cut-{length}.db", log[..(int)length]);
            using var cut = Open(path);
            var revision = await WholeRevision(cut);
            seen.Add(revision);
            if (revision < 0)
                continue;
            Assert.Equal(revision, await cut.FindTimelineEndAsync(service, timeline, Stop));
            AddUsers(cut, Enumerable.Range(100, 20));
            Assert.Equal(revision, await cut.FindTimelineEndAsync(service, timeline, Stop));
            Assert.Equal(revision + 20, await cut.FindTimelineEndAsync(service, cut.TimelineOf(service), Stop));
        }

        Assert.Superset(Enumerable.Range(0, Commits + 1).ToHashSet(), seen);
    }

    [Fact]
    public async Task A_damaged_frame_of_the_log_ends_it()
    {
        using var store = Open();
        AddService(store);
        AddUsers(store, 1);
        var whole = ReadLog().Length;
        AddUsers(store, 2);
        AddUsers(store, 3);
        var log = ReadLog();
        log[whole + 500] ^= 0x5A;

        using var damaged = Open(CopyTo("damaged.db", log));
        Assert.Equal(1, await WholeRevision(damaged));
    }

    [Fact]
    public async Task An_idle_checkpoint_copies_the_log_into_the_database()
    {
        using var store = new SqlitePresenceStore(new SqliteStoreOptions { Path = DatabasePath, IdleCheckpointBytes = 0 });
        AddService(store);
        AddUsers(store, Enumerable.Range(1, 50));
        store.Maintain(idle: false);
        Assert.Equal(-1, await RevisionWithoutLog("before.db"));

        store.Maintain(idle: true);
        Assert.Equal(50, await RevisionWithoutLog("after.db"));

        AddUsers(store, 51);
        store.Maintain(idle: true);
        Assert.Equal(51, await RevisionWithoutLog("again.db"));
    }

    [Fact]
    public async Task A_large_log_is_checkpointed_although_commands_wait()
    {
        using var store = new SqlitePresenceStore(new SqliteStoreOptions { Path = DatabasePath, BusyCheckpointBytes = 1_000_000 });
        AddService(store);
        AddUsers(store, 1);
        store.Maintain(idle: false);
        Assert.Equal(-1, await RevisionWithoutLog("small.db"));

        AddUsers(store, Enumerable.Range(2, 1500));
        store.Maintain(idle: false);
        Assert.Equal(1501, await RevisionWithoutLog("large.db"));
    }

    [Fact]
    public async Task A_reader_that_holds_a_moment_neither_waits_for_a_checkpoint_nor_makes_it_wait()
    {
        using var store = new SqlitePresenceStore(new SqliteStoreOptions { Path = DatabasePath, IdleCheckpointBytes = 0 });
        AddService(store);
        AddUsers(store, 1);
        using var readers = new ReaderPool(new ConnectionFactory(DatabasePath, TimeSpan.Zero), timeline: default);
        readers.Read(reader =>
        {
            Assert.Equal(1, reader.Service(Sample.ServiceSid(1)).Revision);
            AddUsers(store, 2);
            store.Maintain(idle: true);
            store.Maintain(idle: true);
            Assert.Equal(1, reader.Service(Sample.ServiceSid(1)).Revision);
            return 0;
        });

        Assert.Equal(2, await WholeRevision(store));
    }

    [Fact]
    public void A_log_that_an_outside_reader_kept_is_truncated_once_the_reader_is_gone_and_the_writer_idle()
    {
        var options = new SqliteStoreOptions
        {
            Path = DatabasePath,
            IdleCheckpointBytes = 0,
            KeptLogBytes = 100_000,
            LogTruncationInterval = TimeSpan.Zero,
        };
        using var store = new SqlitePresenceStore(options);
        AddService(store);
        AddUsers(store, 1);
        using (var outside = new ConnectionFactory(DatabasePath, TimeSpan.Zero).OpenReader())
        {
            outside.Execute("BEGIN DEFERRED");
            outside.ExecuteScalar<long>("SELECT count(*) FROM sqlite_schema");
            for (var batch = 0; batch < 20; batch++)
                AddUsers(store, Enumerable.Range(2 + (batch * 50), 50));
            store.Maintain(idle: true);
            Assert.InRange(LogBytes(), 100_001, long.MaxValue);
        }

        store.Maintain(idle: false);
        Assert.InRange(LogBytes(), 100_001, long.MaxValue);
        store.Maintain(idle: true);
        Assert.Equal(0, LogBytes());

        long LogBytes() => new FileInfo(DatabasePath + "-wal").Length;
    }

    [Fact]
    public void A_log_is_looked_at_once_in_an_interval()
    {
        var clock = new StoppedClock();
        var options = new SqliteStoreOptions { Path = DatabasePath, KeptLogBytes = 0, Time = clock };
        using var store = new SqlitePresenceStore(options);
        store.Maintain(idle: true);
        AddService(store);

        store.Maintain(idle: true);
        Assert.NotEqual(0, new FileInfo(DatabasePath + "-wal").Length);
        clock.Now += options.LogTruncationInterval;
        store.Maintain(idle: true);
        Assert.Equal(0, new FileInfo(DatabasePath + "-wal").Length);
    }

    [Fact]
    public void A_store_that_is_closed_leaves_one_file_and_the_lock()
    {
        using (var store = Open())
        {
            AddService(store);
            Assert.True(File.Exists(DatabasePath + "-wal"));
        }

        Assert.False(File.Exists(DatabasePath + "-wal"));
        Assert.False(File.Exists(DatabasePath + "-shm"));
    }

    private byte[] ReadLog()
    {
        using var file = new FileStream(DatabasePath + "-wal", FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>Copies the database with a log, by default its own.</summary>
    private string CopyTo(string name, byte[]? log)
    {
        var path = InDirectory(name);
        File.Copy(DatabasePath, path);
        File.WriteAllBytes(path + "-wal", log ?? ReadLog());
        return path;
    }

    private async Task<int> RevisionWithoutLog(string name)
    {
        File.Copy(DatabasePath, InDirectory(name));
        using var copy = Open(InDirectory(name));
        return await WholeRevision(copy);
    }

    private sealed class StoppedClock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
