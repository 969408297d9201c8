using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>Claims, polls and pages of shards.</summary>
public abstract partial class ClusterStoreConformance
{
    private const int Rounds = 100;

    [Fact]
    public async Task A_claim_takes_the_free_shards_and_leaves_the_others()
    {
        var (a, b) = (await JoinAsync("a"), await JoinAsync("b"));
        var held = await ClaimAsync(a, 5, 2);
        Assert.Equal(held[0].Epoch, held[1].Epoch);
        Assert.True(held[0].Epoch > 0);

        var taken = await b.Store.ClaimAsync(b.Id, b.Data, [new Shard(9), new Shard(2), new Shard(0), new Shard(1023), new Shard(9)], Stop);

        Assert.Equal([0, 9, 1023], taken.Select(row => row.Shard.Number));
        Assert.All(taken, row => Assert.True(row.Node == b.Id && row.Epoch > held[0].Epoch));
        Assert.Equal(a.Id, (await HolderAsync(b, 2)).Node);
        Assert.Empty(await b.Store.ClaimAsync(b.Id, b.Data, [new Shard(2), new Shard(9)], Stop));
        Assert.Empty(await b.Store.ClaimAsync(b.Id, b.Data, [], Stop));
        Assert.True(Commit(a, null, held).IsWhole);
    }

    [Fact]
    public async Task Shards_that_two_nodes_claim_at_once_go_to_one_of_them_each_time_under_a_higher_epoch()
    {
        var observer = await JoinAsync("observer");
        Shard[] shards = [.. Enumerable.Range(0, 32).Select(number => new Shard(number))];
        var epochs = new long[shards.Length];
        for (var round = 1; round <= 20; round++)
        {
            var (a, b) = (await JoinAsync("a", round), await JoinAsync("b", round));

            var claims = await Task.WhenAll(
                Task.Run(() => a.Store.ClaimAsync(a.Id, a.Data, shards, Stop).AsTask(), Stop),
                Task.Run(() => b.Store.ClaimAsync(b.Id, b.Data, [.. shards.Reverse()], Stop).AsTask(), Stop));

            var rows = claims.SelectMany(claimed => claimed).OrderBy(row => row.Shard.Number).ToArray();
            Assert.Equal(shards, rows.Select(row => row.Shard));
            Assert.Equal(rows, (await PollAsync(observer)).Shards);
            foreach (var row in rows)
            {
                Assert.True(row.Epoch > epochs[row.Shard.Number], $"round {round}: {row} after {epochs[row.Shard.Number]}");
                epochs[row.Shard.Number] = row.Epoch;
            }
            Assert.True(await a.Store.LeaveAsync(a.Id, a.Data, Stop));
            Assert.True(await b.Store.LeaveAsync(b.Id, b.Data, Stop));
        }
    }

    [Fact]
    public async Task A_poll_shows_everything_that_changed_and_nothing_twice()
    {
        var (a, b) = (await JoinAsync("a"), await JoinAsync("b"));
        var (service, _, bob) = NewService(a);
        var (deleted, _, _) = NewService(a, 2);
        var (quiet, _, _) = NewService(a, 3);
        await ClaimAsync(a, 1);
        KnownService[] known = [.. new[] { deleted, service, quiet }.Select(of => new KnownService(of.Id, Revision: -1, Version: -1))];
        var first = await PollAsync(b, [.. known, new KnownService(Id: 99, 5, 5)]);
        Assert.Equal([deleted.Sid, service.Sid, quiet.Sid], first.Services.Select(of => of.Record.Sid));
        Assert.Equal([99L], first.Gone);
        known = [.. first.Services.Select(of => new KnownService(of.Record.Id, of.Record.Revision, of.Version))];
        AssertEmpty(await PollAsync(b, first, known));

        await ClaimAsync(a, 2);
        Commit(a, session =>
        {
            session.UpdateService(service with { Revision = 11 });
            session.UpdatePresence(bob with { IsOnline = true, Revision = 11, OnlineRevision = 11 });
        });
        Commit(a, session => session.DeleteService(deleted.Id));
        var c = await JoinAsync("c");
        var second = await PollAsync(b, first, known);
        Assert.Equal([2], second.Shards.Select(row => row.Shard.Number));
        Assert.Equal([a.Id, b.Id, c.Id], second.Members!.Value);
        Assert.Equal([(service.Sid, 11L)], second.Services.Select(of => (of.Record.Sid, of.Record.Revision)));
        Assert.Equal([deleted.Id], second.Gone);

        known = [new KnownService(service.Id, 11, second.Services[0].Version), known[2]];
        AssertEmpty(await PollAsync(b, second, known));
        AssertEmpty(await PollAsync(a, second, known));
    }

    [Fact]
    public async Task A_poll_shows_a_change_of_settings_that_takes_no_revision()
    {
        var node = await JoinAsync("a");
        var (service, _, _) = NewService(node);
        var first = await PollAsync(node, new KnownService(service.Id, -1, -1));
        Commit(node, session => session.UpdateService(service with { FriendlyName = "renamed" }));

        var poll = await PollAsync(node, first, new KnownService(service.Id, service.Revision, first.Services[0].Version));

        Assert.Equal(["renamed"], poll.Services.Select(of => of.Record.FriendlyName));
        Assert.True(poll.Services[0].Version > first.Services[0].Version);
    }

    [Fact]
    public async Task A_poll_shows_that_keys_webhooks_or_notifications_changed()
    {
        var node = await JoinAsync("a");
        var (service, _, bob) = NewService(node);
        var key = Sample.ApiKey(1);
        var webhook = StoredWebhook.DefaultOf(service);
        var poll = await PollAsync(node);
        Action<StoreSession>[] changes =
        [
            session => key = session.InsertApiKey(key),
            session => session.UpdateApiKey(key with { RevokeTime = Sample.Time }),
            session => session.DeleteApiKey(key),
            session => session.PutWebhook(webhook),
            session => session.PutNotifications(service.Id, new NotificationSettings { LogEnabled = true }),
        ];
        for (var i = 0; i < changes.Length; i++)
        {
            Commit(node, changes[i]);
            var next = await PollAsync(node);
            Assert.True(next.ChangesVersion > poll.ChangesVersion, $"change {i}");
            poll = next;
        }

        Commit(node, session =>
        {
            session.UpdateService(service with { Revision = 11 });
            session.UpdatePresence(bob with { IsOnline = true, Revision = 11 });
        });
        var position = Build(node, session => session.PutWebhook(webhook with { Position = new WebhookPosition(7) }));
        position.Services[0].ChangesSettings = false;
        Assert.True(StoreSession.Of(node.Store).Commit(position).IsWhole);

        Assert.Equal(poll.ChangesVersion, (await PollAsync(node)).ChangesVersion);
    }

    [Fact]
    public async Task A_poll_with_another_identity_of_the_data_returns_everything()
    {
        var node = await JoinAsync("a");
        await ClaimAsync(node, 1);
        var poll = await PollAsync(node);
        Assert.NotNull(poll.Identity.Server);
        Assert.Equal(poll.Identity, (await node.Store.ReopenAsync()).Identity);

        var again = await PollAsync(node, poll with { Identity = poll.Identity with { Timeline = poll.Identity.Timeline + 1 } });

        Assert.Equal((poll.Identity, 1, 1), (again.Identity, again.Shards.Length, again.Members!.Value.Length));
    }

    [Fact]
    public async Task A_poll_is_of_one_moment()
    {
        var (observer, writer) = (await JoinAsync("observer"), await JoinAsync("writer"));
        var (first, _, _) = NewService(writer, 1);
        var (second, _, _) = NewService(writer, 2);
        KnownService[] known = [new KnownService(first.Id, -1, -1), new KnownService(second.Id, -1, -1)];
        var changes = Task.Run(
            async () =>
            {
                for (var round = 1; round <= Rounds; round++)
                {
                    Commit(writer, session =>
                    {
                        session.UpdateService(first with { Revision = 10 + round });
                        session.UpdateService(second with { Revision = 10 + round });
                    });
                    var node = await JoinAsync("node", round);
                    await ClaimAsync(node, 1, 2, 3, 4);
                    Assert.True(await node.Store.LeaveAsync(node.Id, node.Data, Stop));
                }
            },
            Stop);

        do
            AssertOneMoment(await PollAsync(observer, known));
        while (!changes.IsCompleted);
        await changes;
    }

    [Fact]
    public async Task A_poll_that_is_in_progress_while_nodes_leave_and_commit_is_of_one_moment()
    {
        var (observer, writer, leaving) = (await JoinAsync("observer"), await JoinAsync("writer"), await JoinAsync("leaving"));
        var (first, _, _) = NewService(writer, 1);
        var (second, _, _) = NewService(writer, 2);
        await ClaimAsync(leaving, 1, 2);

        var poll = await PollDuringAsync(
            observer.Store,
            KnownCluster.Nothing with { Services = [new KnownService(first.Id, -1, -1), new KnownService(second.Id, -1, -1)] },
            async () =>
            {
                Commit(writer, session =>
                {
                    session.UpdateService(first with { Revision = 11 });
                    session.UpdateService(second with { Revision = 11 });
                });
                Assert.True(await leaving.Store.LeaveAsync(leaving.Id, leaving.Data, Stop));
                await ClaimAsync(await JoinAsync("joining"), 2, 3);
            });

        AssertOneMoment(poll);
        AssertOneMoment(await PollAsync(observer, new KnownService(first.Id, -1, -1), new KnownService(second.Id, -1, -1)));
    }

    [Fact]
    public async Task Pages_of_a_shard_contain_its_online_users_by_key_and_miss_none_that_appear()
    {
        var node = await JoinAsync("a");
        var (service, shard, users) = NewShard(node, online: 7);
        var (other, _, _) = NewService(node, 2);
        Assert.NotEqual(default, other);
        var pages = new List<StoredOnlineUser>();
        while (true)
        {
            var page = await node.Store.ListOnlineUsersAsync(shard, pages.LastOrDefault().Id, 2, Stop);
            Assert.True(page.Count <= 2);
            if (page.Count == 0)
                break;
            pages.AddRange(page);
            if (pages.Count == 2)
            {
                Commit(node, session => // those of another shard do not appear
                {
                    var number = 100_000;
                    users.Add(session.InsertUser(service.Id, Sample.OnlineUser(Next(service, shard, ref number), 41)).Identity);
                });
            }
        }

        Assert.Equal(users, pages.Select(user => user.Identity));
        Assert.Equal(pages.Select(user => user.Id).Order(), pages.Select(user => user.Id));
        Assert.All(pages, user => Assert.Equal(service.Sid, user.Service));
        Assert.Equal(TimeSpan.FromMinutes(1), pages[0].LastAlive);
    }

    [Fact]
    public async Task Pages_of_a_shard_miss_no_user_whose_key_was_taken_before_that_of_another_node()
    {
        var (node, other) = (await JoinAsync("a"), await JoinAsync("b"));
        var (service, shard, users) = NewShard(node, online: 2);
        var number = 100_000;
        var early = Sample.OnlineUser(Next(service, shard, ref number), 51);
        var late = Sample.OnlineUser(Next(service, shard, ref number), 51);
        var writes = Build(node, session => session.InsertUser(service.Id, early));
        Commit(other, session => users.Add(session.InsertUser(service.Id, late).Identity));
        List<StoredOnlineUser> pages = [.. await node.Store.ListOnlineUsersAsync(shard, 0, 100, Stop)];
        Assert.Equal(users, pages.Select(user => user.Identity));

        Assert.True(StoreSession.Of(node.Store).Commit(writes).IsWhole);

        pages.AddRange(await node.Store.ListOnlineUsersAsync(shard, pages[^1].Id, 100, Stop));
        Assert.Equal([.. users, early.Identity], pages.Select(user => user.Identity));
    }

    [Fact]
    public async Task Pages_of_a_shard_contain_its_ended_sessions_by_key()
    {
        var node = await JoinAsync("a");
        var (service, shard, users) = NewShard(node, online: 3);
        var (other, stranger, _) = NewService(node, 2);
        Commit(node, session =>
        {
            foreach (var user in users)
            {
                session.AddEndedSession(service.Id, user, SessionId.FromTrusted("s1"), TimeSpan.FromHours(1));
                session.AddEndedSession(service.Id, user, SessionId.FromTrusted("s2"), TimeSpan.FromHours(2));
            }
            session.AddEndedSession(other.Id, stranger.Identity, SessionId.FromTrusted("s3"), TimeSpan.FromHours(3));
        });
        var pages = new List<StoredEndedSession>();
        while (await node.Store.ListEndedSessionsAsync(shard, pages.LastOrDefault().Id, 2, Stop) is { Count: > 0 } page)
            pages.AddRange(page);

        Assert.Equal(
            users.SelectMany(user => new[] { (user, "s1", 1), (user, "s2", 2) }),
            pages.Where(ended => ended.Service == service.Sid)
                .Select(ended => (ended.Identity, ended.Session.ToString(), ended.Until.Hours)));
        Assert.All(pages, ended => Assert.Equal(shard, Shard.Of(ended.Service, ended.Identity)));
        Assert.Equal(pages.Select(ended => ended.Id).Distinct().Order(), pages.Select(ended => ended.Id));
        var home = await node.Store.ListEndedSessionsAsync(Shard.Of(other.Sid, stranger.Identity), 0, 100, Stop);
        Assert.Contains(home, ended => ended.Service == other.Sid && ended.Session.ToString() == "s3");
    }

    /// <summary>
    /// Checks a poll of everything. Each commit of these tests moves both service instances, and the holders of shards are members.
    /// </summary>
    private static void AssertOneMoment(ClusterPoll poll)
    {
        Assert.Equal(poll.Services[0].Record.Revision, poll.Services[1].Record.Revision);
        Assert.All(poll.Shards, row => Assert.True(row.Node is not { } holder || poll.Members!.Value.Contains(holder), $"{row}"));
        Assert.Equal(poll.Epoch, poll.Shards.Select(row => row.Epoch).DefaultIfEmpty().Max());
    }

    private static void AssertEmpty(ClusterPoll poll)
    {
        Assert.Null(poll.Members);
        Assert.Empty(poll.Shards);
        Assert.Empty(poll.Services);
        Assert.Empty(poll.Gone);
    }

    /// <summary>
    /// Returns the first number from the given one whose sample user belongs to the shard, and moves the number behind it.
    /// </summary>
    private static int Next(ServiceRecord service, Shard shard, ref int number)
    {
        while (Shard.Of(service.Sid, Sample.Identity(number)) != shard)
            number++;
        return number++;
    }

    /// <summary>A service instance with online users and an offline one of the same shard, and online users of other shards.</summary>
    private static (ServiceRecord Service, Shard Shard, List<Identity> Online) NewShard(Member member, int online)
    {
        ServiceRecord service = null!;
        var sample = Sample.Service(50);
        var shard = Shard.Of(sample.Sid, Sample.Identity(0));
        var users = new List<Identity>();
        Commit(member, session =>
        {
            service = session.InsertService(sample with
            {
                Revision = 50,
                UserCount = online + 7,
                Configuration = sample.Configuration with { ReachabilityEnabled = true, SwitchedOnRevision = 1 },
            });
            var number = 0;
            for (var i = 0; i < online; i++)
            {
                var user = Sample.OnlineUser(Next(service, shard, ref number), 10 + i) with { LastAlive = TimeSpan.FromMinutes(1) };
                users.Add(session.InsertUser(service.Id, user).Identity);
            }
            session.InsertUser(service.Id, Sample.User(Next(service, shard, ref number), 40)); // offline
            for (var stranger = 1; stranger <= 6; stranger++)
                session.InsertUser(service.Id, Sample.OnlineUser(stranger, 40 + stranger));
        });
        return (service, shard, users);
    }
}
