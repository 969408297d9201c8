using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Postgres.Store;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>
/// A standby that is promoted while a node runs, with and without the last commits, and a base backup that is restored.
/// </summary>
public sealed class PromotionTests
{
    private const string Database = "promoted";

    private static readonly ServiceSid Sid = Sample.ServiceSid(1);

    [Fact]
    public async Task A_standby_is_rejected_until_it_is_promoted_and_a_node_goes_on_with_it_if_it_has_every_commit()
    {
        PostgresTests.SkipIfMissing();
        using var primary = StartPrimary();
        using var standby = primary.StartStandby();
        using var store = PostgresTests.Open(Both(primary, standby));
        var (session, service) = AddService(store);
        var timeline = store.TimelineOf(service);
        var rejected = await Assert.ThrowsAsync<PostgresRejectedException>(
            () => PostgresTests.OpenAsync(standby.ConnectionString(Database)));
        Assert.Equal(PostgresRejection.ReadOnly, rejected.Rejection);
        Assert.DoesNotContain('\n', rejected.Message);
        var written = PostgresServer.Query<string>(primary.ConnectionString(), "SELECT pg_current_wal_lsn()::text");
        PostgresTests.WaitUntil(standby.ConnectionString(), $"pg_last_wal_replay_lsn() >= '{written}'");
        primary.Crash();
        standby.Promote();

        Assert.Equal(1, session.Reopen().LastCommit);
        session.UpdateService(service with { FriendlyName = "still" });
        Assert.True(session.Commit().IsWhole);
        Assert.Equal("still", (await store.FindServiceAsync(Sid, default))!.FriendlyName);
        Assert.Equal(timeline, store.TimelineOf(service));
        Assert.False(store.Fenced.IsCompleted);
    }

    [Fact]
    public async Task A_node_that_finds_commits_missing_on_a_promoted_standby_ends_its_writing()
    {
        PostgresTests.SkipIfMissing();
        using var primary = StartPrimary();
        using var standby = primary.StartStandby();
        using var store = PostgresTests.Open(Both(primary, standby));
        var (session, service) = AddService(store);
        session.PutWebhook(
            new StoredWebhook(service.Id, Sid, new WebhookSettings { PostUrl = "https://post.example" }, new WebhookPosition(1)));
        session.Commit();
        var written = PostgresServer.Query<string>(primary.ConnectionString(), "SELECT pg_current_wal_lsn()::text");
        PostgresTests.WaitUntil(standby.ConnectionString(), $"pg_last_wal_replay_lsn() >= '{written}'");
        standby.Crash();
        session.UpdateService(session.FindService(Sid)! with { FriendlyName = "lost", Revision = 2 });
        Assert.True(session.Commit().IsWhole);
        var lost = store.TimelineOf(service);
        primary.Crash();
        standby.Resume();
        standby.Promote();

        Assert.Throws<StorageException>(() => session.Reopen());
        Assert.Contains("went back", await store.Fenced, StringComparison.Ordinal);
        store.Dispose();

        using var next = PostgresTests.Open(standby.ConnectionString(Database));
        Assert.Equal(WebhookSweep.Everyone, (await next.FindWebhookAsync(Sid, default))!.Position.Sweep);
        var session2 = StoreSession.Of(next);
        session2.UpdateService(session2.FindService(Sid)! with { Revision = 2 });
        Assert.True(session2.Commit().IsWhole);
        // A token of the lost revision 2 is not one of the revision 2 that replaced it.
        Assert.Equal(1, await next.FindTimelineEndAsync(service, lost, default));
    }

    [Fact]
    public async Task A_node_that_misses_its_own_reopening_counts_the_commit_that_was_not_acknowledged()
    {
        PostgresTests.SkipIfMissing();
        using var server = StartPrimary();
        var database = server.ConnectionString(Database);
        using var store = PostgresTests.Open(database);
        var (session, service) = AddService(store);
        session.Reopen();
        session.UpdateService(service with { FriendlyName = "lost" });
        var writes = session.Build();
        PostgresServer.Execute(database, $"SELECT pg_terminate_backend({store.WritingSession}, 5000)");
        Assert.Throws<StorageException>(() => session.Commit(writes));

        // What the row says on a second standby, which was promoted from the same WAL timeline without the reopening on the first one.
        PostgresServer.Execute(database, "UPDATE nodes SET generation = generation - 1");

        Assert.Throws<StorageException>(() => session.Reopen());
        Assert.Contains("went back", await store.Fenced, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_read_reaches_the_primary_whatever_the_connection_string_prefers()
    {
        PostgresTests.SkipIfMissing();
        using var primary = StartPrimary();
        using var standby = primary.StartStandby();
        using var store = PostgresTests.Open(
            $"{Both(standby, primary)};Target Session Attributes=prefer-standby;Load Balance Hosts=true");
        PostgresServer.Execute(standby.ConnectionString(), "SELECT pg_wal_replay_pause()");
        var (_, service) = AddService(store); // the standby does not get it

        for (var read = 0; read < 20; read++)
            Assert.Equal(service, await store.FindServiceAsync(Sid, default));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Resume_After_a_base_backup_was_restored_tokens_of_lost_revisions_reset_and_others_go_on(bool isRecovery)
    {
        PostgresTests.SkipIfMissing();
        using var primary = StartPrimary();
        using var store = PostgresTests.Open(primary.ConnectionString(Database));
        var (session, service) = AddService(store);
        session.PutWebhook(
            new StoredWebhook(service.Id, Sid, new WebhookSettings { PostUrl = "https://post.example" }, new WebhookPosition(1)));
        session.Commit();
        using var backup = primary.BaseBackup(isRecovery); // while the node runs
        session.UpdateService(session.FindService(Sid)! with { FriendlyName = "lost", Revision = 2 });
        Assert.True(session.Commit().IsWhole);
        var lost = store.TimelineOf(service);
        store.Dispose();
        primary.Crash();
        backup.Resume();

        using var next = PostgresTests.Open(backup.ConnectionString(Database));
        // Without a recovery, nothing tells the backup from the server that it was made of. See docs/postgres.md.
        Assert.Equal(isRecovery ? WebhookSweep.Everyone : null, (await next.FindWebhookAsync(Sid, default))!.Position.Sweep);
        var session2 = StoreSession.Of(next);
        session2.UpdateService(session2.FindService(Sid)! with { Revision = 2 });
        Assert.True(session2.Commit().IsWhole);
        Assert.Equal(1, await next.FindTimelineEndAsync(service, lost, default));
    }

    private static PostgresServer StartPrimary()
    {
        var server = PostgresServer.Start();
        PostgresServer.Execute(server.ConnectionString(), $"CREATE DATABASE {Database}");
        return server;
    }

    private static string Both(PostgresServer primary, PostgresServer standby) =>
        $"Host={primary.Directory},{standby.Directory};Database={Database};Username={PostgresServer.Owner}";

    private static (StoreSession Session, ServiceRecord Service) AddService(PostgresPresenceStore store)
    {
        var session = StoreSession.Of(store);
        var service = session.InsertService(Sample.Service() with { Revision = 1 });
        Assert.True(session.Commit().IsWhole);
        return (session, service);
    }
}
