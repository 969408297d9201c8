using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Tests the promises of the watch. The first word of each test is the name of the promise.</summary>
public sealed class WatchPromiseTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Registered_a_change_between_opening_and_the_first_message_is_seen()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service, now: true);
        await _world.Online(service, "ada");

        await client.Next<WatchEvent.ConfigurationChanged>();
        await client.Sync();
        Assert.Equal(UpdateReasons.Created | UpdateReasons.ReachabilityOnline, (await client.NextUpdate()).Reasons);
    }

    [Fact]
    public async Task Snapshot_is_configuration_then_reset_then_every_user_without_reasons_then_synced()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        await _world.Create(service, "bob");
        await using var client = await _world.Watch(service);

        Assert.True((await client.Next<WatchEvent.ConfigurationChanged>()).Configuration.ReachabilityEnabled);
        Assert.Equal(ResetReason.Initial, (await client.Next<WatchEvent.Reset>()).Reason);
        var users = await client.Next<WatchEvent.Updates>();
        Assert.Null(users.Token);
        Assert.All(users.Users, update => Assert.Equal(UpdateReasons.None, update.Reasons));
        Assert.Equal(await _world.Revision(service), (await client.Next<WatchEvent.Synced>()).At.Position);
        Assert.True(client.Users["ada"].IsOnline);
        Assert.Null(client.Users["bob"].IsOnline);
    }

    [Fact]
    public async Task Snapshot_of_more_than_a_page_has_every_user_once()
    {
        var service = await _world.NewService();
        for (var i = 0; i < Limits.WatchPageSize + 3; i++)
            await _world.Create(service, $"user-{i}");
        await using var client = await _world.Watch(service);

        var sent = (await client.Sync()).OfType<WatchEvent.Updates>().Sum(message => message.Users.Count);
        Assert.Equal(Limits.WatchPageSize + 3, sent);
        Assert.Equal(Limits.WatchPageSize + 3, client.Users.Count);
    }

    [Fact]
    public async Task Snapshot_is_left_out_by_a_watch_that_starts_now()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service, now: true);

        var messages = await client.Sync();
        Assert.IsType<WatchEvent.ConfigurationChanged>(messages[0]);
        Assert.Equal(2, messages.Count);
        Assert.NotNull(client.Token);
    }

    [Fact]
    public async Task Ordered_a_change_during_the_snapshot_is_not_followed_by_the_state_before_it()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Next<WatchEvent.ConfigurationChanged>();
        await client.Next<WatchEvent.Reset>();
        await _world.Rename(service, "ada", "Ada");

        // The watch reads the page after the change, and the change is also pending. The client must receive it once.
        await client.Next<WatchEvent.Updates>();
        Assert.Equal("Ada", client.Users["ada"].Record!.FriendlyName);
        await client.Next<WatchEvent.Synced>();
        Assert.True(client.IsQuiet());
    }

    [Fact]
    public async Task Ordered_a_deletion_precedes_the_creation_of_the_identity_that_takes_its_place()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _world.Delete(service, "ada");
        await _world.Create(service, "ada");

        var deleted = await client.NextUpdate();
        var created = await client.NextUpdate();
        Assert.Equal((UpdateReasons.Deleted, UpdateReasons.Created), (deleted.Reasons, created.Reasons));
        Assert.NotEqual(deleted.State.Sid, created.State.Sid);
    }

    [Fact]
    public async Task Convergent_states_in_between_are_skipped_and_the_last_one_arrives()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        for (var i = 0; i < 10; i++)
            await _world.Rename(service, "ada", $"name {i}");

        var update = await client.NextUpdate();
        Assert.Equal("name 9", update.State.Record!.FriendlyName);
        Assert.True(client.IsQuiet());
    }

    [Fact]
    public async Task Reasoned_an_update_carries_the_union_of_what_changed_since_the_last()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _world.Rename(service, "ada", "Ada");
        await _world.Online(service, "ada");
        await _world.Bind(service, "ada", "token");

        var update = await client.NextUpdate();
        Assert.Equal(UpdateReasons.FriendlyName | UpdateReasons.Reachability, update.Reasons);
        await _world.Offline(service, "ada");
        Assert.Equal(UpdateReasons.ReachabilityOnline, (await client.NextUpdate()).Reasons);
    }

    [Fact]
    public async Task Reasoned_a_filter_passes_only_its_reasons_and_every_deletion()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service, reasons: UpdateReasons.ReachabilityOnline);
        await client.Sync();
        await _world.Rename(service, "ada", "Ada");
        await _world.Online(service, "ada");
        await _world.Rename(service, "ada", "Lovelace");
        Assert.Equal(UpdateReasons.ReachabilityOnline, (await client.NextUpdate()).Reasons);

        await _world.Rename(service, "ada", "Ada Lovelace");
        await _world.Delete(service, "ada");
        Assert.Equal(UpdateReasons.Deleted, (await client.NextUpdate()).Reasons);
    }

    [Fact]
    public async Task Bookmarkable_the_token_never_passes_a_pending_user()
    {
        var service = await _world.NewService();
        for (var i = 0; i < Limits.WatchUpdatesPerMessage + 1; i++)
            await _world.Create(service, $"user-{i}");
        await using var client = await _world.Watch(service);
        await client.Sync();
        var before = client.Token!.Position;
        for (var i = 0; i < Limits.WatchUpdatesPerMessage + 1; i++)
            await _world.Rename(service, $"user-{i}", "renamed");
        // The user that became dirty first keeps its place. The token must not pass the last place, and later changes do not move that
        // place.
        await _world.Rename(service, "user-0", "renamed again");
        await _world.Rename(service, $"user-{Limits.WatchUpdatesPerMessage}", "renamed again");

        var first = await client.Next<WatchEvent.Updates>();
        Assert.Equal(Limits.WatchUpdatesPerMessage, first.Users.Count);
        Assert.Equal("renamed again", first.Users[0].State.Record!.FriendlyName);
        Assert.Equal(before + Limits.WatchUpdatesPerMessage, first.Token!.Position);
        Assert.Equal(await _world.Revision(service), (await client.Next<WatchEvent.Updates>()).Token!.Position);
    }

    [Fact]
    public async Task Resumable_only_later_changes_come_with_their_reasons()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await _world.Create(service, "bob");
        await _world.Create(service, "cay");
        ResumeToken token;
        await using (var client = await _world.Watch(service))
        {
            await client.Sync();
            token = client.Token!;
        }
        await _world.Rename(service, "bob", "Bob");
        await _world.Online(service, "bob");
        await _world.Delete(service, "cay");
        await _world.Create(service, "dan");

        await using var resumed = await _world.Watch(service, token: token);
        var messages = await resumed.Sync();
        Assert.IsType<WatchEvent.ConfigurationChanged>(messages[0]);
        Assert.DoesNotContain(messages, message => message is WatchEvent.Reset);
        var updates = messages.OfType<WatchEvent.Updates>().SelectMany(message => message.Users).ToList();
        Assert.Equal(["bob", "cay", "dan"], updates.Select(update => update.State.Identity.ToString()));
        Assert.Equal(
            [UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline, UpdateReasons.Deleted, UpdateReasons.Created],
            updates.Select(update => update.Reasons));
    }

    [Fact]
    public async Task Resumable_a_watch_of_some_users_receives_only_their_missed_changes()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await _world.Create(service, "bob");
        string[] keys = ["ada", "eve"];
        ResumeToken token;
        await using (var client = await _world.Watch(service, keys))
        {
            await client.Sync();
            token = client.Token!;
        }
        await _world.Delete(service, "ada");
        await _world.Create(service, "ada");
        await _world.Rename(service, "bob", "Bob");
        await _world.Online(service, "eve");

        await using var resumed = await _world.Watch(service, keys, token: token);
        var updates = (await resumed.Sync()).OfType<WatchEvent.Updates>().SelectMany(message => message.Users).ToList();
        Assert.Equal(
            [("ada", UpdateReasons.Deleted), ("ada", UpdateReasons.Created),
                ("eve", UpdateReasons.Created | UpdateReasons.ReachabilityOnline)],
            updates.Select(update => (update.State.Identity.ToString(), update.Reasons)));
    }

    [Fact]
    public async Task Resumable_a_token_from_the_middle_of_a_catch_up_loses_neither_users_nor_reasons()
    {
        var service = await _world.NewService();
        var count = Limits.WatchPageSize + 10;
        for (var i = 0; i < count; i++)
            await _world.Create(service, $"user-{i}");
        ResumeToken start;
        await using (var client = await _world.Watch(service, now: true))
        {
            await client.Sync();
            start = client.Token!;
        }
        for (var i = 0; i < count; i++)
            await _world.Rename(service, $"user-{i}", "renamed");

        await using var interrupted = await _world.Watch(service, token: start);
        await interrupted.Next<WatchEvent.ConfigurationChanged>();
        await interrupted.Next<WatchEvent.Updates>();
        var middle = interrupted.Token!;
        Assert.True(middle.Base < middle.Position);
        // A user that was not delivered yet changes again. Its row moves, and the watch must not lose the earlier reason.
        await _world.Online(service, $"user-{count - 1}");

        await using var resumed = await _world.Watch(service, token: middle);
        var updates = (await resumed.Sync()).OfType<WatchEvent.Updates>().SelectMany(message => message.Users).ToList();
        Assert.Equal(10, updates.Count);
        Assert.Equal(UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline, updates[^1].Reasons);
    }

    [Fact]
    public async Task Resumable_another_filter_resets()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service);
        await client.Sync();
        await using var other = await _world.Watch(service, reasons: UpdateReasons.ReachabilityOnline, token: client.Token);
        await other.Next<WatchEvent.ConfigurationChanged>();
        Assert.Equal(ResetReason.FilterChanged, (await other.Next<WatchEvent.Reset>()).Reason);
    }

    [Fact]
    public async Task Resumable_a_pair_whose_base_is_of_before_a_switch_resets_though_its_position_is_not()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service);
        await client.Sync();
        var switched = (await _world.Switch(service.Sid, on: false)).Revision;
        await using var other = await _world.Watch(service, token: client.Token! with { Base = switched - 1, Position = switched });
        await other.Next<WatchEvent.ConfigurationChanged>();
        Assert.Equal(ResetReason.ReachabilitySwitched, (await other.Next<WatchEvent.Reset>()).Reason);
    }

    [Fact]
    public async Task Resumable_another_view_resets()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service);
        await client.Sync();
        var basic = new WatchFilter([], UpdateReasons.None, UserView.Basic);
        await using var other =
            new WatchClient(await _world.Hub.OpenAsync(
                new WatchRequest(service.Sid, basic, StartNow: false, client.Token), _world.Store, default));
        await other.Next<WatchEvent.ConfigurationChanged>();
        Assert.Equal(ResetReason.FilterChanged, (await other.Next<WatchEvent.Reset>()).Reason);
    }

    [Fact]
    public async Task Resumable_the_same_users_in_another_order_and_one_of_them_twice_are_the_same_filter()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service, keys: ["ada", "bob"]);
        await client.Sync();
        await using var resumed = await _world.Watch(service, keys: ["bob", "ada", "bob"], token: client.Token);
        Assert.DoesNotContain(await resumed.Sync(), message => message is WatchEvent.Reset);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Resumable_a_switch_in_between_resets(bool on)
    {
        var service = await _world.NewService(reachability: !on);
        await using var client = await _world.Watch(service);
        await client.Sync();
        var token = client.Token;
        await _world.Switch(service.Sid, on);
        await using var other = await _world.Watch(service, token: token);
        await other.Next<WatchEvent.ConfigurationChanged>();
        Assert.Equal(ResetReason.ReachabilitySwitched, (await other.Next<WatchEvent.Reset>()).Reason);
    }

    [Fact]
    public async Task Resumable_a_token_with_a_revision_that_this_data_never_had_is_reset()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service);
        await client.Sync();
        var lost = client.Token! with { Base = 1000, Position = 1000 };
        await using var other = await _world.Watch(service, token: lost);
        await other.Next<WatchEvent.ConfigurationChanged>();
        Assert.Equal(ResetReason.TimelineChanged, (await other.Next<WatchEvent.Reset>()).Reason);

        await using var unknown =
            await _world.Watch(service, token: client.Token with { Timeline = new Guid("11111111-2222-3333-4444-555555555555") });
        await unknown.Next<WatchEvent.ConfigurationChanged>();
        Assert.Equal(ResetReason.TimelineChanged, (await unknown.Next<WatchEvent.Reset>()).Reason);
    }

    [Fact]
    public async Task Resumable_a_token_older_than_the_purged_tombstones_is_reset()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        var token = client.Token;
        await _world.Delete(service, "ada");
        _world.Time.Advance(TimeSpan.FromDays(31));
        while (_world.Writer.WriteOnce() == WriteOutcome.Written)
        {
        }
        await using var resumed = await _world.Watch(service, token: token);
        await resumed.Next<WatchEvent.ConfigurationChanged>();
        Assert.Equal(ResetReason.TombstonesPurged, (await resumed.Next<WatchEvent.Reset>()).Reason);
    }

    [Fact]
    public async Task Resumable_a_token_with_a_damaged_character_cannot_be_decoded()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service);
        await client.Sync();
        var text = client.Token!.Encode();
        Assert.True(ResumeToken.TryDecode(text, out _));
        Assert.All(Enumerable.Range(0, text.Length), at =>
            Assert.False(ResumeToken.TryDecode(string.Concat(text.AsSpan(0, at), text[at] == 'A' ? "Q" : "A", text.AsSpan(at + 1)),
                out _)));
    }

    [Fact]
    public async Task Resumable_a_token_of_another_service_instance_is_rejected()
    {
        var service = await _world.NewService();
        var other = await _world.NewService();
        await using var client = await _world.Watch(service);
        await client.Sync();
        var rejected = await Assert.ThrowsAsync<PresenceException>(() => _world.Watch(other, token: client.Token));
        Assert.Equal(ErrorReason.ResumeTokenInvalid, rejected.Reason);
    }

    [Fact]
    public async Task Bounded_a_watcher_that_overflows_drops_everything_and_still_ends_at_the_truth()
    {
        var service = await _world.NewService();
        var count = Limits.PendingUsersPerWatcher + 50;
        for (var i = 0; i < count; i++)
            await _world.Create(service, $"user-{i}");
        await using var client = await _world.Watch(service);
        await client.Sync();
        var token = client.Token!;
        for (var i = 0; i < count; i++)
            await _world.Online(service, $"user-{i}");
        Assert.True(_world.Hub.PendingUsers <= Limits.PendingUsersPerWatcher);

        // The token does not move until the catch-up has delivered the users.
        var updates = 0;
        while (client.Users.Values.Any(user => user.IsOnline != true))
        {
            var message = await client.Next<WatchEvent.Updates>();
            Assert.Equal(token.Position, updates == 0 ? message.Token!.Base : token.Position);
            updates += message.Users.Count;
            Assert.All(message.Users, update => Assert.Equal(UpdateReasons.ReachabilityOnline, update.Reasons));
        }
        Assert.Equal(count, updates);
    }

    [Fact]
    public async Task Bounded_an_overflow_during_the_snapshot_is_caught_up_after_it()
    {
        var service = await _world.NewService();
        var count = Limits.PendingUsersPerWatcher + 50;
        for (var i = 0; i < count; i++)
            await _world.Create(service, $"user-{i}");
        await using var client = await _world.Watch(service);
        await client.Next<WatchEvent.ConfigurationChanged>();
        await client.Next<WatchEvent.Reset>();
        await client.Next<WatchEvent.Updates>();
        for (var i = 0; i < count; i++)
            await _world.Online(service, $"user-{i}");
        await client.Sync();
        while (client.Users.Values.Any(user => user.IsOnline != true))
            await client.Next();
        Assert.Equal(count, client.Users.Count);
    }

    [Fact]
    public async Task Bounded_a_client_that_takes_nothing_is_ended()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service);
        await client.Next<WatchEvent.ConfigurationChanged>();
        _world.Advance(Limits.WatchStallTimeout + Limits.Tick);
        Assert.True(client.Session.Ended.IsCompleted);
        Assert.Equal(ErrorReason.WatchStalled, client.Session.EndReason!.Reason);
    }

    [Fact]
    public async Task Alive_silence_brings_progress_with_a_fresh_token()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service, keys: ["nobody"]);
        await client.Sync();
        await _world.Create(service, "ada");
        var next = client.Next<WatchEvent.Progress>();
        _world.Advance(Limits.ProgressInterval * (1 - Limits.ProgressJitter) - Limits.Tick);
        Assert.False(next.IsCompleted);
        _world.Advance(Limits.ProgressInterval * 2 * Limits.ProgressJitter + (2 * Limits.Tick));
        Assert.Equal(await _world.Revision(service), (await next).At.Position);
    }

    [Fact]
    public async Task Drained_a_stopping_server_ends_the_watch_with_its_token()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service);
        await client.Sync();
        var next = client.Next();
        _world.Hub.Drain();
        var ended = await Assert.ThrowsAsync<PresenceException>(() => next);
        Assert.Equal(ErrorReason.ServerStopping, ended.Reason);
        Assert.Equal(client.Token!.Encode(), ended.Details["resume_token"]);
        Assert.Equal(ErrorReason.ServerStopping, (await Assert.ThrowsAsync<PresenceException>(() => _world.Watch(service))).Reason);
    }

    [Fact]
    public async Task Drained_a_watch_ends_at_its_age_limit_with_its_token()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service, now: true);
        await client.Sync();
        PresenceException? ended = null;
        var passed = TimeSpan.Zero;
        while (ended is null && passed < Limits.WatchMaxAge * 2)
        {
            var next = client.Next();
            _world.Advance(Limits.ProgressInterval * (1 + Limits.ProgressJitter) + Limits.Tick);
            passed += Limits.ProgressInterval * (1 + Limits.ProgressJitter) + Limits.Tick;
            ended = await Record.ExceptionAsync(() => next) as PresenceException;
        }
        Assert.Equal(ErrorReason.StreamMaxAge, ended!.Reason);
        Assert.Equal(client.Token!.Encode(), ended.Details["resume_token"]);
        Assert.InRange(passed, Limits.WatchMaxAge * (1 - Limits.WatchMaxAgeJitter),
            (Limits.WatchMaxAge * (1 + Limits.WatchMaxAgeJitter)) + Limits.ProgressInterval * 2);
    }

    [Fact]
    public async Task A_deleted_service_instance_ends_its_watches()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service);
        await client.Sync();
        var next = client.Next();
        await _world.Do(new DeleteServiceInstance(service.Sid));
        Assert.Equal(ErrorReason.ServiceInstanceNotFound, (await Assert.ThrowsAsync<PresenceException>(() => next)).Reason);
    }
}
