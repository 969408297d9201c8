using System.Diagnostics.CodeAnalysis;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;
using Npgsql;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>What a commit does when its session, its network or its server fails, and when another node takes the database.</summary>
public sealed class FaultTests
{
    private static readonly ServiceSid Sid = Sample.ServiceSid(1);

    [Fact]
    public async Task A_commit_whose_session_is_ended_in_the_middle_did_not_happen()
    {
        using var test = new Fixture();
        var renaming = test.Rename("renamed");
        using var block = test.LockService();
        var committing = test.Commit(renaming);
        test.WaitForBlockedCommit();
        PostgresServer.Execute(test.ConnectionString, $"SELECT pg_terminate_backend({test.Store.WritingSession})");
        await Assert.ThrowsAsync<StorageException>(() => committing);
        block.Dispose();

        Assert.Equal(test.Before.LastCommit, test.Session.Reopen().LastCommit);
        Assert.Equal(test.Service, await test.Store.FindServiceAsync(Sid, default));
        test.Session.UpdateService(test.Service with { FriendlyName = "again" });
        Assert.True(test.Session.Commit().IsWhole);
    }

    [Fact]
    public async Task A_lock_that_is_held_from_outside_fails_the_commit_within_seconds()
    {
        using var test = new Fixture();
        var renaming = test.Rename("renamed");
        using (test.LockService())
            await Assert.ThrowsAsync<StorageException>(() => test.Commit(renaming));

        Assert.Equal(test.Before.LastCommit, test.Session.Reopen().LastCommit);
        Assert.Equal(test.Service, await test.Store.FindServiceAsync(Sid, default));
    }

    [Fact]
    public async Task A_commit_whose_answer_was_lost_is_known_after_reopening()
    {
        using var test = new Fixture(useRelay: true);
        var renaming = test.Rename("renamed");
        test.Relay.LoseAnswers();
        var committing = test.Commit(renaming);
        PostgresTests.WaitUntil(test.ConnectionString, $"last_commit = {test.Before.LastCommit + 1} FROM nodes");
        test.Relay.Cut();
        await Assert.ThrowsAsync<StorageException>(() => committing);

        var after = test.Session.Reopen();
        Assert.Equal(test.Before.LastCommit + 1, after.LastCommit);
        Assert.Equal(
            [(Sid, false, test.Service.Revision)],
            after.LastResult!.Services.Select(service => (service.Sid, service.IsStale, service.Base.Revision)));
        Assert.Equal("renamed", (await test.Store.FindServiceAsync(Sid, default))!.FriendlyName);
    }

    [Fact]
    public async Task A_commit_that_still_waits_for_a_lock_cannot_happen_after_reopening()
    {
        using var test = new Fixture(useRelay: true);
        var renaming = test.Rename("renamed");
        using var block = test.LockService();
        var committing = test.Commit(renaming);
        test.WaitForBlockedCommit();
        var earlier = test.Store.WritingSession;
        test.Relay.Cut(); // the server does not notice it
        await Assert.ThrowsAsync<StorageException>(() => committing);

        Assert.Equal(test.Before.LastCommit, test.Session.Reopen().LastCommit);
        PostgresTests.WaitUntil(test.ConnectionString, $"NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {earlier})");
        block.Dispose();
        Assert.Equal(test.Service, await test.Store.FindServiceAsync(Sid, default));
        Assert.Equal(test.Before.LastCommit, test.Session.Reopen().LastCommit);
    }

    [Fact]
    public async Task A_second_node_is_refused_while_the_first_one_runs()
    {
        using var test = new Fixture();
        var refused = await Assert.ThrowsAsync<PostgresRejectedException>(() => PostgresTests.OpenAsync(test.ConnectionString));
        Assert.Equal(PostgresRejection.InUse, refused.Rejection);
        Assert.DoesNotContain('\n', refused.Message);
        test.Session.UpdateService(test.Service with { FriendlyName = "still" });
        Assert.True(test.Session.Commit().IsWhole);
        Assert.False(test.Store.Fenced.IsCompleted);

        test.Store.Dispose();
        using var next = PostgresTests.Open(test.ConnectionString);
        Assert.Equal("still", (await next.FindServiceAsync(Sid, default))!.FriendlyName);
    }

    [Fact]
    public async Task A_second_node_is_refused_although_the_server_ended_all_sessions_of_the_first_one()
    {
        using var test = new Fixture();
        var opening = Task.Run(() => PostgresPresenceStore.OpenAsync(
            new PostgresStoreOptions
            {
                ConnectionString = test.ConnectionString,
                HolderGrace = TimeSpan.FromMinutes(1),
                HolderPatience = TimeSpan.FromMinutes(1),
            },
            default));
        PostgresServer.Execute(test.ConnectionString, $"SELECT pg_terminate_backend({test.Store.WritingSession})");
        test.Session.Reopen();
        test.Session.UpdateService(test.Service with { FriendlyName = "still" });
        while (!opening.IsCompleted)
        {
            Assert.True(test.Session.Commit().IsWhole);
            test.Session.UpdateService(test.Service with { FriendlyName = "still" });
        }
        var refused = await Assert.ThrowsAsync<PostgresRejectedException>(() => opening);
        Assert.Equal(PostgresRejection.InUse, refused.Rejection);
    }

    [Fact]
    public async Task The_database_of_a_node_that_is_gone_is_taken_and_that_node_cannot_write_any_longer()
    {
        using var test = new Fixture();
        test.EndAllSessions();
        using var next = PostgresTests.Open(test.ConnectionString);

        Assert.Throws<StorageException>(() => test.Session.Reopen());
        Assert.Contains("Another node", await test.Store.Fenced, StringComparison.Ordinal);
        Assert.Throws<StorageException>(() => test.Session.Reopen());
        var session = StoreSession.Of(next);
        session.UpdateService(session.FindService(Sid)! with { FriendlyName = "next" });
        Assert.True(session.Commit().IsWhole);
    }

    [Fact]
    public async Task A_commit_of_a_node_that_lost_the_database_writes_nothing()
    {
        using var test = new Fixture();
        PostgresServer.Execute(test.ConnectionString, "UPDATE nodes SET incarnation = 1");
        await Assert.ThrowsAsync<StorageException>(() => test.Commit(test.Rename("renamed")));
        Assert.Contains("Another node", await test.Store.Fenced, StringComparison.Ordinal);
        Assert.Equal(test.Service, await test.Store.FindServiceAsync(Sid, default));
    }

    [Fact]
    public async Task Data_that_goes_back_under_a_running_node_ends_its_writing()
    {
        using var test = new Fixture();
        var dump = PostgresServer.Shared.Dump(test.ConnectionString);
        await test.Commit(test.Rename("renamed"));
        test.EndAllSessions();
        PostgresServer.Shared.Restore(test.ConnectionString, dump);

        Assert.Throws<StorageException>(() => test.Session.Reopen());
        Assert.Contains("went back", await test.Store.Fenced, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_running_node_reads_the_timeline_of_the_data_that_replaced_its_own()
    {
        using var test = new Fixture();
        var dump = PostgresServer.Shared.Dump(test.ConnectionString);
        test.Store.Dispose();
        using var store = PostgresTests.Open(test.ConnectionString);
        var session = StoreSession.Of(store);
        session.UpdateService(session.FindService(Sid)! with { Revision = 2 });
        session.Commit();
        var lost = store.TimelineOf(test.Service);
        Assert.NotEqual(test.Service.Timeline, lost);

        PostgresServer.Shared.Restore(test.ConnectionString, dump);
        Assert.All(await store.ReadAsync(test.Service, default), read => Assert.Equal(test.Service, read));

        using var next = PostgresTests.Open(test.ConnectionString);
        var present = next.TimelineOf(test.Service);
        Assert.DoesNotContain(present, new[] { lost, test.Service.Timeline });
        Assert.All(await store.ReadAsync(test.Service, default), read => Assert.Equal((present, 1), (read.Timeline, read.Revision)));
    }

    [Fact]
    public async Task A_node_goes_on_after_the_server_was_replaced_by_one_that_has_all_commits()
    {
        using var test = new Fixture();
        await test.Commit(test.Rename("renamed"));
        var dump = PostgresServer.Shared.Dump(test.ConnectionString);
        test.EndAllSessions();
        PostgresServer.Shared.Restore(test.ConnectionString, dump);

        Assert.Equal(test.Before.LastCommit + 1, test.Session.Reopen().LastCommit);
        test.Session.UpdateService(test.Session.FindService(Sid)! with { FriendlyName = "still" });
        Assert.True(test.Session.Commit().IsWhole);
        Assert.False(test.Store.Fenced.IsCompleted);
    }

    [Fact]
    public async Task Rows_that_were_copied_back_are_noticed_at_the_next_start()
    {
        using var test = new Fixture();
        test.Session.PutWebhook(new StoredWebhook(
            test.Service.Id, Sid, new WebhookSettings { PostUrl = "https://post.example" }, new WebhookPosition(1)));
        test.Session.Commit();
        test.Store.Dispose();
        PostgresServer.Execute(
            test.ConnectionString,
            "CREATE TEMP TABLE saved AS SELECT * FROM nodes; DELETE FROM nodes; INSERT INTO nodes SELECT * FROM saved");

        using var next = PostgresTests.Open(test.ConnectionString);
        Assert.Equal(WebhookSweep.Everyone, (await next.FindWebhookAsync(Sid, default))!.Position.Sweep);
    }

    [Fact]
    public async Task A_crash_of_the_server_loses_no_commit_and_the_store_goes_on()
    {
        PostgresTests.SkipIfMissing();
        using var server = PostgresServer.Start();
        using var store = PostgresTests.Open(server.CreateDatabase());
        var session = StoreSession.Of(store);
        var service = session.InsertService(Sample.Service());
        session.Commit();
        var timeline = store.TimelineOf(service);
        session.UpdateService(service with { FriendlyName = "lost" });
        var lost = session.Build();
        server.Crash();
        Assert.Throws<StorageException>(() => session.Commit(lost));
        Assert.Throws<StorageException>(() => session.Reopen());
        await Assert.ThrowsAsync<StorageException>(async () => await store.FindServiceAsync(Sid, default));
        server.Resume();

        Assert.Equal(1, session.Reopen().LastCommit);
        Assert.Equal(service, await store.FindServiceAsync(Sid, default));
        Assert.Equal(timeline, store.TimelineOf(service));
        session.UpdateService(service with { FriendlyName = "still" });
        Assert.True(session.Commit().IsWhole);
    }

    [Fact]
    public void A_violated_constraint_is_a_bug_and_not_a_fault_of_the_storage()
    {
        using var test = new Fixture();
        test.Session.InsertUser(test.Service.Id, Sample.User(1, 2));
        test.Session.InsertUser(test.Service.Id, Sample.User(1, 2));
        Assert.Throws<PostgresException>(() => test.Session.Commit());
        Assert.Equal(test.Before.LastCommit, test.Session.Reopen().LastCommit);
    }

    [Fact]
    public async Task More_reads_than_connections_wait_for_one_another()
    {
        using var test = new Fixture();
        var reads = Enumerable.Range(0, 200).Select(_ => test.Store.FindServiceAsync(Sid, default).AsTask());
        Assert.All(await Task.WhenAll(reads), service => Assert.Equal(test.Service, service));
        var sessions = PostgresServer.Query<long>(
            test.ConnectionString,
            $"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{test.Store.SessionName}-reader'");
        Assert.InRange(sessions, 1, 16);
    }

    [Fact]
    public async Task A_read_that_is_cancelled_keeps_its_connection()
    {
        using var test = new Fixture();
        using var cancel = new CancellationTokenSource();
        Task reading;
        using (test.Lock("LOCK TABLE users"))
        {
            reading = test.Store.ListUsersAsync(Sid, 0, 10, online: null, cancel.Token).AsTask();
            test.WaitForBlockedReads(1);
            await cancel.CancelAsync();
        }
        await reading;
        var session = test.OnlyReadingSession();
        Assert.Equal(test.Service, await test.Store.FindServiceAsync(Sid, default));
        Assert.Equal(session, test.OnlyReadingSession());
    }

    [Fact]
    public async Task Reads_go_on_after_the_server_has_ended_the_sessions_of_the_pool()
    {
        using var test = new Fixture();
        Task[] reads;
        using (test.Lock("LOCK TABLE users"))
        {
            reads = [.. Enumerable.Range(0, 6).Select(_ => test.Store.ListUsersAsync(Sid, 0, 10, online: null, default).AsTask())];
            test.WaitForBlockedReads(6);
        }
        await Task.WhenAll(reads);
        test.EndAllSessions();

        // The first one finds out that its session is gone. The others at the same time find that out for themselves.
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => test.Store.FindServiceAsync(Sid, default).AsTask()));
        for (var i = 0; i < 6; i++)
            Assert.Equal(test.Service, await test.Store.FindServiceAsync(Sid, default));
    }

    /// <summary>A store with one service instance.</summary>
    private sealed class Fixture : IDisposable
    {
        private readonly SocketRelay? _relay;

        public Fixture(bool useRelay = false)
        {
            ConnectionString = PostgresTests.RentSchema();
            _relay = useRelay ? new SocketRelay(PostgresServer.Shared.Directory) : null;
            Store = PostgresTests.Open(
                _relay is null
                    ? ConnectionString
                    : new NpgsqlConnectionStringBuilder(ConnectionString) { Host = _relay.Directory }.ConnectionString);
            Session = StoreSession.Of(Store);
            Service = Session.InsertService(Sample.Service() with { Revision = 1 });
            Session.Commit();
            Before = Session.Position;
        }

        public string ConnectionString { get; }

        public PostgresPresenceStore Store { get; }

        internal StoreSession Session { get; }

        public ServiceRecord Service { get; }

        public WriterPosition Before { get; }

        public SocketRelay Relay => _relay!;

        /// <summary>Returns writes that rename the service instance.</summary>
        public BatchWrites Rename(string name)
        {
            Session.UpdateService(Service with { FriendlyName = name });
            return Session.Build();
        }

        /// <summary>Commits on another thread.</summary>
        public Task<CommitResult> Commit(BatchWrites writes) => Task.Run(() => Session.Commit(writes));

        /// <summary>Locks the service instance against writers until it is disposed of.</summary>
        public NpgsqlConnection LockService() => Lock("SELECT FROM services FOR UPDATE");

        /// <summary>Runs a statement in a transaction that stays open until it is disposed of.</summary>
        [SuppressMessage("Reliability", "CA2000", Justification = "The caller disposes of it.")]
        public NpgsqlConnection Lock(string statement)
        {
            var connection = new NpgsqlConnection($"{ConnectionString};Pooling=false");
            connection.Open();
            using var command = new NpgsqlCommand($"BEGIN; {statement}", connection);
            command.ExecuteNonQuery();
            return connection;
        }

        public void WaitForBlockedCommit() => PostgresTests.WaitUntil(
            ConnectionString, $"wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = {Store.WritingSession}");

        public void WaitForBlockedReads(int count) => PostgresTests.WaitUntil(
            ConnectionString,
            $"""
            count(*) = {count} FROM pg_stat_activity
            WHERE application_name = '{Store.SessionName}-reader' AND wait_event_type = 'Lock'
            """);

        /// <summary>Returns the process id of the session that reads. Fails if there are several.</summary>
        public int OnlyReadingSession() => PostgresServer.Query<int>(
            ConnectionString, $"SELECT (SELECT pid FROM pg_stat_activity WHERE application_name = '{Store.SessionName}-reader')");

        public void EndAllSessions() => PostgresServer.Execute(
            ConnectionString,
            $"""
            SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
            WHERE application_name IN ('{Store.SessionName}', '{Store.SessionName}-reader')
            """);

        public void Dispose()
        {
            Store.Dispose();
            _relay?.Dispose();
            PostgresTests.ReturnSchema(ConnectionString);
        }
    }
}
