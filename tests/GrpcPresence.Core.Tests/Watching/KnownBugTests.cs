using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Tests for bugs that other watch services had, including etcd. Each test is named after its bug.</summary>
public sealed class KnownBugTests : IDisposable
{
    private LossyPublisher _publisher = null!;
    private World _world;

    public KnownBugTests() => _world = new World(publisher: Between);

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_bookmark_does_not_overtake_a_queued_update()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        var synced = client.Token!.Position;

        // The client waits. A progress message is due, and a change comes at the same moment. The server may send either one first.
        var next = client.Next();
        _world.Time.Advance(Limits.ProgressInterval * 1.5);
        _world.Hub.Tick();
        await _world.Rename(service, "ada", "Ada");

        if (await next is WatchEvent.Progress early)
        {
            Assert.Equal(synced, early.At.Position);
            await client.Next<WatchEvent.Updates>();
        }
        Assert.Equal("Ada", client.Users["ada"].Record!.FriendlyName);
        Assert.Equal(synced + 1, client.Token!.Position);
    }

    [Fact]
    public async Task A_bookmark_does_not_overtake_an_update_that_was_lost_on_the_way()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        var synced = client.Token!.Position;

        _publisher.Loses = () => true;
        await _world.Rename(service, "ada", "Ada");
        _publisher.Loses = () => false;
        _world.Store.Faults.FailReads(fail: true);
        await _world.Create(service, "bob"); // reveals the gap, which the feed cannot read yet
        var next = client.Next();
        _world.Advance(Limits.ProgressInterval * 1.5);

        Assert.Equal(synced, Assert.IsType<WatchEvent.Progress>(await next).At.Position);
    }

    [Fact]
    public async Task A_watch_does_not_go_back_in_time_after_a_reconnect()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        var early = client.Token!;
        await _world.Rename(service, "ada", "first");
        var first = await client.NextUpdate();
        await _world.Rename(service, "ada", "second");
        var second = await client.NextUpdate();

        await using var late = await _world.Watch(service, token: client.Token);
        await late.Sync();
        Assert.Empty(late.Users);

        // The same holds for a token that is older than the state of the client.
        await using var again = await _world.Watch(service, token: early);
        await again.Sync();
        Assert.True(second.State.Revision > first.State.Revision);
        Assert.Equal(second.State.Revision, again.Users["ada"].Revision);
    }

    [Fact]
    public async Task Updates_are_not_lost_while_the_stream_is_starved()
    {
        const int Users = 50;
        var service = await _world.NewService();
        for (var i = 0; i < Users; i++)
            await _world.Create(service, $"user-{i}");
        await using var client = await _world.Watch(service);
        await client.Sync();

        for (var round = 0; round < 5; round++)
        {
            // Creates more users than a watcher can keep pending, so that it overflows, and changes known users in between.
            for (var i = 0; i <= Limits.PendingUsersPerWatcher; i++)
                await _world.Create(service, $"round-{round}-{i}");
            for (var i = 0; i < Users; i++)
                await _world.Rename(service, $"user-{i}", $"round {round}");
            await client.Next(); // a starved stream sends no more than this
        }
        while (client.Token!.Position < await _world.Revision(service))
            await client.Next();

        Assert.Equal(Users + (5 * (Limits.PendingUsersPerWatcher + 1)), client.Users.Count);
        for (var i = 0; i < Users; i++)
            Assert.Equal("round 4", client.Users[$"user-{i}"].Record!.FriendlyName);
    }

    [Fact]
    public async Task A_watch_opened_exactly_at_the_head_sees_the_next_change_and_nothing_before()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service, token: await TokenAt(service, await _world.Revision(service)));
        Assert.Equal(2, (await client.Sync()).Count); // configuration, synced

        await _world.Create(service, "bob");
        Assert.Equal("bob", (await client.NextUpdate()).State.Identity.ToString());
    }

    [Fact]
    public async Task A_watch_opened_just_below_the_head_sees_the_last_change()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await _world.Create(service, "bob");
        await using var client = await _world.Watch(service, token: await TokenAt(service, await _world.Revision(service) - 1));
        await client.Sync();
        Assert.Equal(["bob"], client.Users.Keys);
    }

    [Fact]
    public async Task A_watch_opened_just_above_the_head_is_reset_and_waits_for_nothing()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service, token: await TokenAt(service, await _world.Revision(service) + 1));
        await client.Next<WatchEvent.ConfigurationChanged>();
        Assert.Equal(ResetReason.TimelineChanged, (await client.Next<WatchEvent.Reset>()).Reason);
        await client.Sync();
        Assert.Equal(["ada"], client.Users.Keys);
    }

    [Fact]
    public async Task A_watch_opened_at_revision_0_sees_everything_since()
    {
        // Reachability was never switched here. Otherwise the token would be older than the switch.
        var service = await _world.NewService(reachability: false);
        await _world.Create(service, "ada");
        await _world.Create(service, "bob");
        await _world.Delete(service, "bob");
        await using var client = await _world.Watch(service, token: await TokenAt(service, 0));

        var updates = (await client.Sync()).OfType<WatchEvent.Updates>().SelectMany(message => message.Users);
        Assert.Equal(
            [("ada", UpdateReasons.Created), ("bob", UpdateReasons.Deleted)],
            updates.Select(update => (update.State.Identity.ToString(), update.Reasons)));
    }

    [Fact]
    public async Task Nothing_comes_twice_where_the_snapshot_joins_live()
    {
        var service = await _world.NewService();
        for (var i = 0; i <= Limits.WatchPageSize; i++)
            await _world.Create(service, $"user-{i}");
        await using var client = await _world.Watch(service);
        await client.Next<WatchEvent.ConfigurationChanged>();
        await client.Next<WatchEvent.Reset>();
        await client.Next<WatchEvent.Updates>(); // the first page

        await _world.Rename(service, "user-0", "read before the change");
        await _world.Rename(service, $"user-{Limits.WatchPageSize}", "read after the change");
        var rest = await client.Next<WatchEvent.Updates>();
        Assert.Equal("read after the change", Assert.Single(rest.Users).State.Record!.FriendlyName);
        await client.Next<WatchEvent.Synced>();

        var update = await client.NextUpdate();
        Assert.Equal(("user-0", UpdateReasons.FriendlyName), (update.State.Identity.ToString(), update.Reasons));
        Assert.True(client.IsQuiet());
    }

    [Fact]
    public async Task A_revision_that_is_used_again_after_a_loss_is_not_taken_for_the_one_that_was_lost()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var before = await _world.Watch(service);
        await before.Sync();
        var backup = _world.Store.Image;
        await _world.Create(service, "lost");
        await before.NextUpdate();
        var lost = before.Token!;

        _world.Store.Restore(backup);
        _world = new World(_world.Store, Between);
        service = await _world.Services.GetAsync(service.Sid, default);
        await _world.Create(service, "kept");
        Assert.Equal(lost.Position, await _world.Revision(service));

        await using var after = await _world.Watch(service, token: lost);
        await after.Next<WatchEvent.ConfigurationChanged>();
        Assert.Equal(ResetReason.TimelineChanged, (await after.Next<WatchEvent.Reset>()).Reason);
        await after.Sync();
        Assert.Equal(["ada", "kept"], after.Users.Keys.Order());
    }

    [Fact]
    public async Task A_revision_is_not_used_again_after_a_crash()
    {
        var service = await _world.NewService();
        await using var before = await _world.Watch(service);
        await before.Sync();
        await _world.Create(service, "ada");
        await before.NextUpdate();
        var token = before.Token!;

        _world.Store.Restart();
        _world = new World(_world.Store, Between);
        service = await _world.Services.GetAsync(service.Sid, default);
        var bob = await _world.Create(service, "bob");
        Assert.Equal(token.Position + 1, bob.Revision);

        await using var after = await _world.Watch(service, token: token);
        await after.Sync();
        Assert.Equal(["bob"], after.Users.Keys);
    }

    private LossyPublisher Between(WatchHub hub) => _publisher = new LossyPublisher(hub);

    /// <summary>Creates a token of a watch of all users, as a client may hold it, at a revision of the current timeline.</summary>
    private async Task<ResumeToken> TokenAt(CachedService service, long revision)
    {
        await using var client = await _world.Watch(service, now: true);
        await client.Sync();
        return client.Token! with { Base = revision, Position = revision };
    }
}
