using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Storage.Postgres.Cluster;
using GrpcPresence.Storage.Tests.Conformance;
using GrpcPresence.Testing;

namespace GrpcPresence.Storage.Tests.Postgres;

/// <summary>The identity of the data of a cluster, while its server restarts and is replaced.</summary>
public sealed class ClusterPromotionTests
{
    private const string Database = "promoted";

    private static readonly ServiceSid Sid = Sample.ServiceSid(1);
    private static readonly NodeId Node = new("a", 1);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_that_restarts_keeps_the_data()
    {
        PostgresTests.SkipIfMissing();
        using var server = StartPrimary();
        using var store = await JoinAsync(server.ConnectionString(Database));
        var service = AddService(store);
        var before = await store.PollAsync(KnownCluster.Nothing, Stop);
        var timeline = store.TimelineOf(service);
        server.Crash();
        server.Resume();
        await AwaitRenewalAsync(store);

        var position = await store.ReopenAsync();

        Assert.Equal((2L, before.Identity), (position.LastCommit, position.Identity));
        Assert.Equal(timeline, store.TimelineOf(service));
        Assert.True(StoreSession.Of(store).Reopen().LastResult!.IsWhole);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task OneTimeline_a_promoted_standby_has_other_data_before_the_first_write_and_a_new_timeline_after_it(bool losesCommits)
    {
        PostgresTests.SkipIfMissing();
        using var primary = StartPrimary();
        using var standby = primary.StartStandby();
        using var store = await JoinAsync(
            $"Host={primary.Directory},{standby.Directory};Database={Database};Username={PostgresServer.Owner}");
        var service = AddService(store);
        var held = await store.ClaimAsync(Node, (await store.PollAsync(KnownCluster.Nothing, Stop)).Identity, [new Shard(1)], Stop);
        var written = PostgresServer.Query<string>(primary.ConnectionString(), "SELECT pg_current_wal_lsn()::text");
        PostgresTests.WaitUntil(standby.ConnectionString(), $"pg_last_wal_replay_lsn() >= '{written}'");
        if (losesCommits)
            standby.Crash();
        else
            PostgresServer.Execute(primary.ConnectionString(), "SELECT pg_switch_wal()");
        var session = StoreSession.Of(store);
        session.Node = Node;
        if (losesCommits)
        {
            session.UpdateService(session.FindService(Sid)! with { FriendlyName = "lost", Revision = 2 });
            Assert.True(session.Commit().IsWhole);
            var lost = await store.ClaimAsync(Node, await DataAsync(store), [new Shard(2)], Stop);
            Assert.Equal(held[0].Epoch + 1, lost[0].Epoch);
        }
        var before = await store.PollAsync(KnownCluster.Nothing, Stop);
        var (timeline, late) = (store.TimelineOf(service), Build(session));
        primary.Crash();
        if (losesCommits)
            standby.Resume();
        standby.Promote();
        await AwaitAsync(() => store.PollAsync(KnownCluster.Nothing, Stop).AsTask());

        // Read only, so nothing has been written since the promotion.
        var poll = await store.PollAsync(KnownCluster.Nothing, Stop);
        Assert.Equal(before.Identity.Server, poll.Identity.Server);
        Assert.Equal(before.Identity.Timeline + 1, poll.Identity.Timeline);
        Assert.False(await store.LeaveAsync(Node, before.Identity, Stop));
        Assert.Empty(await store.ClaimAsync(Node, before.Identity, [new Shard(3)], Stop));
        Assert.False(await store.EvictAsync(Node, before.Identity, 0, Stop));
        Assert.Equal(poll.Identity, (await store.RenewAsync(Node, 1, [], Stop)).Data);
        var position = await store.ReopenAsync();
        Assert.Equal((2L, poll.Identity), (position.LastCommit, position.Identity));
        Assert.Null(position.LastResult); // the number may be that of another commit
        late.Generation = position.Generation;
        late.Number = position.LastCommit + 1;
        await Assert.ThrowsAsync<OtherDataException>(async () => await store.CommitAsync(late));

        Assert.NotEqual(timeline, store.TimelineOf(service));
        Assert.Equal(1, await store.FindTimelineEndAsync(service, timeline, Stop));
        var taken = await store.ClaimAsync(Node, poll.Identity, [new Shard(3)], Stop);
        Assert.True(taken[0].Epoch > before.Epoch);
        session = StoreSession.Of(store);
        session.Reopen();
        session.Node = Node;
        session.UpdateService(session.FindService(Sid)! with { Revision = 2 });
        Assert.True(session.Commit().IsWhole);
        // A token of a lost revision 2 is not one of the revision 2 that replaced it.
        Assert.Equal(1, await store.FindTimelineEndAsync(service, timeline, Stop));
        var after = await store.PollAsync(KnownCluster.Nothing, Stop);
        Assert.True(after.MembersVersion > before.MembersVersion && after.ChangesVersion > before.ChangesVersion);
        Assert.Equal(WebhookSweep.Everyone, (await store.FindWebhookAsync(Sid, Stop))!.Position.Sweep);
    }

    private static PostgresServer StartPrimary()
    {
        var server = PostgresServer.Start();
        PostgresServer.Execute(server.ConnectionString(), $"CREATE DATABASE {Database}");
        return server;
    }

    private static async Task<PostgresClusterStore> JoinAsync(string connectionString)
    {
        var store = await PostgresTests.OpenNodeAsync(connectionString);
        Assert.Null(await store.JoinAsync(Node, Stop));
        await store.ReopenAsync();
        return store;
    }

    private static async Task<DataIdentity> DataAsync(PostgresClusterStore store) =>
        (await store.PollAsync(KnownCluster.Nothing, Stop)).Identity;

    private static BatchWrites Build(StoreSession session)
    {
        session.Node = Node;
        return session.Build();
    }

    private static ServiceRecord AddService(PostgresClusterStore store)
    {
        var session = StoreSession.Of(store);
        session.Node = Node;
        var service = session.InsertService(Sample.Service() with { Revision = 1 });
        Assert.True(session.Commit().IsWhole);
        session = StoreSession.Of(store);
        session.Node = Node;
        session.PutWebhook(
            new StoredWebhook(service.Id, Sid, new WebhookSettings { PostUrl = "https://post.example" }, new WebhookPosition(1)));
        Assert.True(session.Commit().IsWhole);
        return service;
    }

    private static Task AwaitRenewalAsync(PostgresClusterStore store)
    {
        var number = 0;
        return AwaitAsync(() => store.RenewAsync(Node, ++number, [], Stop).AsTask());
    }

    /// <summary>Calls until the call succeeds: idle connections of the store have ended with the server.</summary>
    private static async Task AwaitAsync(Func<Task> call)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await call();
                return;
            }
            catch (StorageException) when (attempt < 20)
            {
                // The next attempt opens another connection.
            }
        }
    }
}
