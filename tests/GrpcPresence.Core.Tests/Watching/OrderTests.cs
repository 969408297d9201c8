using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Tests changes from memory combined with reads from the store: coverage, filters, and the receivers of a change.</summary>
public sealed class OrderTests : IDisposable
{
    private readonly World _world;
    private LossyPublisher _publisher = null!;

    public OrderTests() => _world = new World(publisher: hub => _publisher = new LossyPublisher(hub));

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Convergent_a_change_that_is_newer_than_the_page_which_covers_its_user_is_kept()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var keeper = await _world.Watch(service); // keeps the feed alive at the revision before the lost batch
        _publisher.Loses = () => true;
        await _world.Rename(service, "ada", "first");
        _publisher.Loses = () => false;
        await using var client = await _world.Watch(service);
        await client.Next<WatchEvent.ConfigurationChanged>();
        await client.Next<WatchEvent.Reset>();
        var page = client.Next<WatchEvent.Updates>();
        Assert.False(page.IsCompleted);
        await _world.Rename(service, "ada", "second");

        await page;
        Assert.Equal("first", client.Users["ada"].Record!.FriendlyName);
        await client.Next<WatchEvent.Synced>();
        Assert.Equal(UpdateReasons.FriendlyName, (await client.NextUpdate()).Reasons);
        Assert.Equal("second", client.Users["ada"].Record!.FriendlyName);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Reasoned_a_resume_sends_only_the_reasons_of_the_filter(bool selected)
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await _world.Create(service, "bob");
        string[] keys = selected ? ["ada", "bob"] : [];
        await using var client = await _world.Watch(service, keys, UpdateReasons.ReachabilityOnline);
        await client.Sync();
        await _world.Rename(service, "ada", "Ada");
        await _world.Rename(service, "bob", "Bob");
        await _world.Online(service, "bob");

        await using var resumed = await _world.Watch(service, keys, UpdateReasons.ReachabilityOnline, token: client.Token);
        var update = Assert.Single((await resumed.Sync()).OfType<WatchEvent.Updates>().SelectMany(message => message.Users));
        Assert.Equal(("bob", UpdateReasons.ReachabilityOnline), (update.State.Identity.ToString(), update.Reasons));
    }

    [Fact]
    public async Task Drained_a_watch_of_some_users_ends_as_well()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service, ["ada"]);
        await client.Sync();
        var next = client.Next();
        _world.Hub.Drain();
        Assert.Equal(ErrorReason.ServerStopping, (await Assert.ThrowsAsync<PresenceException>(() => next)).Reason);
    }

    [Fact]
    public async Task A_watch_that_names_a_user_by_sid_sees_that_user_alone_also_when_the_identity_is_taken_again()
    {
        var service = await _world.NewService();
        var ada = await _world.Create(service, "ada");
        await using var client = await _world.Watch(service, [ada.Sid.ToString()]);
        await client.Sync();
        await _world.Rename(service, "ada", "Ada");
        Assert.Equal(UpdateReasons.FriendlyName, (await client.NextUpdate()).Reasons);
        await _world.Delete(service, "ada");
        await _world.Create(service, "ada");
        Assert.Equal(UpdateReasons.Deleted, (await client.NextUpdate()).Reasons);
        Assert.True(client.IsQuiet());
    }

    [Fact]
    public async Task Ordered_a_user_that_is_named_twice_among_many_is_sent_before_the_user_that_takes_the_identity()
    {
        var service = await _world.NewService();
        var old = await _world.Create(service, "ada");
        // The watch names more users than a page holds: the identity comes first, and the old SID last.
        string[] keys = ["ada", .. Enumerable.Range(0, Limits.WatchPageSize).Select(i => $"nobody-{i}"), old.Sid.ToString()];
        await using var client = await _world.Watch(service, keys);
        await client.Sync();
        await _world.Delete(service, "ada");
        await _world.Create(service, "ada");

        await using var resumed = await _world.Watch(service, keys, token: client.Token);
        var updates = (await resumed.Sync()).OfType<WatchEvent.Updates>().SelectMany(message => message.Users).ToList();
        Assert.Equal([UpdateReasons.Deleted, UpdateReasons.Created],
            updates.Select(update => update.Reasons & (UpdateReasons.Deleted | UpdateReasons.Created)));
    }

    [Fact]
    public async Task Resumable_tombstones_that_are_purged_while_the_watch_catches_up_reset_it()
    {
        var service = await _world.NewService();
        for (var i = 0; i <= Limits.WatchPageSize; i++)
            await _world.Create(service, $"user-{i}");
        ResumeToken start;
        await using (var client = await _world.Watch(service, now: true))
        {
            await client.Sync();
            start = client.Token!;
        }
        for (var i = 0; i <= Limits.WatchPageSize; i++)
            await _world.Rename(service, $"user-{i}", "renamed");
        await _world.Delete(service, $"user-{Limits.WatchPageSize}");
        await using var resumed = await _world.Watch(service, token: start);
        await resumed.Next<WatchEvent.ConfigurationChanged>();
        await resumed.Next<WatchEvent.Updates>();
        Purge();
        Assert.Equal(ResetReason.TombstonesPurged, (await resumed.Next<WatchEvent.Reset>()).Reason);
    }

    [Fact]
    public async Task Resumable_tombstones_that_are_purged_before_a_watch_of_some_users_reads_reset_it()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service, ["ada"]);
        await client.Sync();
        await _world.Delete(service, "ada");
        await using var resumed = await _world.Watch(service, ["ada"], token: client.Token);
        await resumed.Next<WatchEvent.ConfigurationChanged>();
        Purge();
        Assert.Equal(ResetReason.TombstonesPurged, (await resumed.Next<WatchEvent.Reset>()).Reason);
    }

    [Fact]
    public async Task Convergent_two_switches_off_before_the_client_looks_take_the_values_of_both_periods_away()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada", "gone");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _world.Switch(service.Sid, on: false);
        await _world.Offline(service, "ada", "gone");
        await _world.Switch(service.Sid, on: true);
        await _world.Switch(service.Sid, on: false);
        while (client.Users["ada"].IsOnline is not null)
            await client.Next();
    }

    [Fact]
    public void Bounded_a_message_is_cut_at_its_bytes()
    {
        var half = new MessageBuilder(new FixedSizeEncoder((Limits.WatchMessageBytes / 2) + 1), UserView.Full);
        Assert.True(half.TryAdd(new UserUpdate(State(1), UpdateReasons.Created)));
        Assert.False(half.TryAdd(new UserUpdate(State(2), UpdateReasons.Created)));
        Assert.Single(half.Take());
        Assert.True(half.TryAdd(new UserUpdate(State(2), UpdateReasons.Created)));
    }

    [Fact]
    public async Task Bookmarkable_a_token_never_covers_a_change_that_is_being_marked()
    {
        const int Changes = 5_000;
        var service = await _world.NewService();
        var record = (await _world.Store.FindServiceAsync(service.Sid, default))!;
        var feed = new ServiceFeed(record);
        var filter = new WatchFilter([], UpdateReasons.None, UserView.Full);
        for (var i = 0; i < 200; i++)
            feed.Attach(new WatchQueue(feed, filter, record.Configuration)); // the feed marks these before the queue under test
        var queue = new WatchQueue(feed, filter, record.Configuration);
        feed.Attach(queue);
        queue.Start(record.Configuration, withSnapshot: false, token: null);
        Assert.True(queue.TryGoLive());

        var last = record.Revision + Changes;
        var publishing = Task.Run(() =>
        {
            for (var revision = record.Revision + 1; revision <= last; revision++)
            {
                var change = new UserChange(State(revision), UpdateReasons.FriendlyName, revision);
                feed.Publish(
                    new ServiceCommit(record with { Revision = revision }, revision, [change], [], IsDeleted: false), now: 0);
            }
        });
        var message = new MessageBuilder(new FixedSizeEncoder(), UserView.Full);
        for (var covered = 0L; covered < last; covered = queue.TokenPosition()!.Value.Position)
        {
            Assert.All(queue.TakeUpdates(message)?.Users ?? message.Take(), update =>
                Assert.True(update.State.Revision > covered, "Bookmarkable: an update came after a token that covers it."));
        }
        await publishing;
    }

    private void Purge()
    {
        _world.Time.Advance(TimeSpan.FromDays(31));
        while (_world.Writer.WriteOnce() == WriteOutcome.Written)
        {
        }
    }

    private static UserState State(long revision) => UserState.Of(
        default,
        new UserRecord
        {
            Sid = new UserSid(1),
            Identity = World.Id("ada"),
            CreateTime = default,
            UpdateTime = default,
            CreatedRevision = 1,
            Revision = revision,
        },
        new ServiceConfiguration());
}
