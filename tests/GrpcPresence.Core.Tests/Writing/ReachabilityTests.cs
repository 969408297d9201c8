using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Writing;

/// <summary>Reachability changes are state, not events. Also covers the meaning of null.</summary>
public sealed class ReachabilityTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Reachability_is_off_by_default_and_then_nothing_is_recorded()
    {
        var service = await _world.NewService(reachability: false);
        await _world.Online(service, "ada");
        await _world.Bind(service, "ada", "token");
        var ada = await _world.Get(service, "ada");
        Assert.Null(ada!.IsOnline);
        Assert.Null(ada.IsNotifiable);
        Assert.Null(ada.LastOnlineTime);
        Assert.Equal(0, ada.Record!.OnlineRevision);
        Assert.Equal(1, ada.Record.BindingCount);
    }

    [Fact]
    public async Task A_user_that_was_not_online_since_reachability_was_switched_on_reads_null()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        Assert.Null((await _world.Get(service, "ada"))!.IsOnline);
        await _world.Online(service, "ada");
        Assert.True((await _world.Get(service, "ada"))!.IsOnline);
        await _world.Offline(service, "ada");
        var offline = await _world.Get(service, "ada");
        Assert.False(offline!.IsOnline);
        Assert.Equal(_world.Time.GetUtcNow(), offline.LastOnlineTime);

        await _world.Switch(service.Sid, on: false);
        Assert.Null((await _world.Get(service, "ada"))!.IsOnline);
        await _world.Switch(service.Sid, on: true);
        var again = await _world.Get(service, "ada");
        Assert.Null(again!.IsOnline);
        Assert.Null(again.LastOnlineTime);
    }

    [Fact]
    public async Task Another_setting_changes_nothing_that_is_visible_of_a_user()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        var before = await _world.Get(service, "ada");

        await _world.Configure(service.Sid, configuration => configuration with { AutoCreateUsers = false });

        var after = await _world.Get(service, "ada");
        Assert.Equal((true, before!.Revision), (after!.IsOnline, after.Revision));
    }

    [Fact]
    public async Task Is_notifiable_is_null_for_a_user_that_never_had_a_push_binding()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        Assert.Null((await _world.Get(service, "ada"))!.IsNotifiable);
        var binding = await _world.Bind(service, "ada", "token");
        Assert.True((await _world.Get(service, "ada"))!.IsNotifiable);
        await _world.Do(new DeletePushBinding(service.Sid, binding.Sid));
        Assert.False((await _world.Get(service, "ada"))!.IsNotifiable);
    }

    [Fact]
    public async Task Becoming_known_carries_both_reasons_where_both_became_visible()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await _world.Bind(service, "ada", "token");
        await using var client = await _world.Watch(service, now: true);
        await client.Sync();
        await _world.Online(service, "ada");
        Assert.Equal(UpdateReasons.Reachability, (await client.NextUpdate()).Reasons);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Becoming_known_carries_the_reason_of_a_push_binding_that_was_removed_before(bool reachability)
    {
        var service = await _world.NewService(reachability);
        await _world.Create(service, "ada");
        var binding = await _world.Bind(service, "ada", "token");
        await _world.Do(new DeletePushBinding(service.Sid, binding.Sid));
        if (!reachability)
            await _world.Switch(service.Sid, on: true);
        await using var client = await _world.Watch(service);
        await client.Sync();
        Assert.Null(client.Users["ada"].IsNotifiable);

        await _world.Online(service, "ada");

        Assert.Equal(UpdateReasons.Reachability, (await client.NextUpdate()).Reasons);
        Assert.False(client.Users["ada"].IsNotifiable);
    }

    [Fact]
    public async Task Coming_online_again_carries_no_reason_of_a_push_binding()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        await _world.Bind(service, "ada", "token");
        await _world.Offline(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Sync();

        await _world.Online(service, "ada", "s2");

        Assert.Equal(UpdateReasons.ReachabilityOnline, (await client.NextUpdate()).Reasons);
    }

    [Fact]
    public async Task A_push_binding_that_alters_nothing_visible_takes_no_revision()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        var before = await _world.Revision(service);
        await _world.Bind(service, "ada", "first");
        Assert.Equal(before, await _world.Revision(service));
        await _world.Online(service, "ada");
        before = await _world.Revision(service);
        await _world.Bind(service, "ada", "second");
        Assert.Equal(before, await _world.Revision(service));
    }

    [Fact]
    public async Task Setting_a_push_binding_for_another_user_moves_it_and_publishes_both()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        await _world.Online(service, "bob");
        var first = await _world.Bind(service, "ada", "token");
        await using var client = await _world.Watch(service);
        await client.Sync();
        var moved = await _world.Bind(service, "bob", "token");
        Assert.Equal(first.Sid, moved.Sid);
        Assert.Equal((World.Id("bob"), client.Users["bob"].Sid), (moved.Identity, moved.UserSid));
        var updates = (await client.Next<Core.Watching.WatchEvent.Updates>()).Users;
        Assert.Equal(["ada", "bob"], updates.Select(update => update.State.Identity.ToString()));
        Assert.False(client.Users["ada"].IsNotifiable);
        Assert.True(client.Users["bob"].IsNotifiable);
    }

    [Fact]
    public async Task Unlinkable_an_end_user_that_takes_an_address_gets_a_new_push_binding_and_the_former_owner_is_published()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        await _world.Online(service, "bob");
        var first = await _world.Bind(service, "ada", "token");
        await using var client = await _world.Watch(service);
        await client.Sync();
        _world.Time.Advance(TimeSpan.FromMinutes(1));

        var taken = await _world.Bind(service, "bob", "token", byEndUser: true);

        Assert.NotEqual(first.Sid, taken.Sid);
        Assert.Equal((_world.Time.GetUtcNow(), World.Id("bob")), (taken.CreateTime, taken.Identity));
        var updates = (await client.Next<Core.Watching.WatchEvent.Updates>()).Users;
        Assert.Equal(["ada", "bob"], updates.Select(update => update.State.Identity.ToString()));
        Assert.All(updates, update => Assert.Equal(UpdateReasons.ReachabilityNotifiable, update.Reasons));
        Assert.False(client.Users["ada"].IsNotifiable);
        Assert.True(client.Users["bob"].IsNotifiable);
        await Assert.ThrowsAsync<PresenceException>(() => _world.Do(new DeletePushBinding(service.Sid, first.Sid)));
        Assert.Equal(taken, await _world.Bind(service, "bob", "token", byEndUser: true));
    }

    [Fact]
    public async Task A_user_that_loses_one_of_two_addresses_to_an_end_user_is_published()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        await _world.Online(service, "bob");
        await _world.Bind(service, "ada", "first");
        await _world.Bind(service, "ada", "second");
        await _world.Bind(service, "bob", "own");
        await using var client = await _world.Watch(service);
        await client.Sync();

        await _world.Bind(service, "bob", "first", byEndUser: true);

        var update = Assert.Single((await client.Next<Core.Watching.WatchEvent.Updates>()).Users);
        Assert.Equal(("ada", UpdateReasons.ReachabilityNotifiable), (update.State.Identity.ToString(), update.Reasons));
        Assert.True(client.Users["ada"].IsNotifiable);
    }

    [Fact]
    public async Task An_address_that_an_end_user_takes_while_reachability_is_off_is_reported_when_the_former_owner_becomes_known()
    {
        var service = await _world.NewService(reachability: false);
        var ada = await _world.Create(service, "ada");
        await _world.Create(service, "bob");
        await _world.Bind(service, "ada", "token");
        var before = await _world.Revision(service);
        var taking = new SetPushBinding(service.Sid, World.Key("bob"), BindingType.Fcm, "token", byEndUser: true);

        await _world.Do(taking);

        Assert.Equal(ada.Sid, taking.FormerOwner);
        Assert.Equal(before, await _world.Revision(service));
        await _world.Switch(service.Sid, on: true);
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _world.Online(service, "ada");
        Assert.Equal(UpdateReasons.Reachability, (await client.NextUpdate()).Reasons);
        Assert.False(client.Users["ada"].IsNotifiable);
    }

    [Fact]
    public async Task An_end_user_that_has_the_most_push_bindings_takes_no_address_of_another()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await _world.Create(service, "bob");
        var first = await _world.Bind(service, "ada", "token");
        for (var i = 0; i < Limits.BindingsPerUser; i++)
            await _world.Bind(service, "bob", $"own {i}", byEndUser: true);

        var error = await Assert.ThrowsAsync<PresenceException>(() => _world.Bind(service, "bob", "token", byEndUser: true));

        Assert.Equal(ErrorReason.PushBindingLimitExceeded, error.Reason);
        Assert.Equal(first, await _world.Bind(service, "ada", "token"));
    }

    [Fact]
    public async Task A_push_binding_that_moved_is_removed_by_its_new_owner_and_not_by_the_former()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await _world.Create(service, "bob");
        await _world.Bind(service, "ada", "token");
        var moved = await _world.Bind(service, "bob", "token");

        var former = await Assert.ThrowsAsync<PresenceException>(
            () => _world.Do(new DeletePushBinding(service.Sid, moved.Sid, World.Id("ada"))));
        Assert.Equal(moved.Sid, await _world.Do(new DeletePushBinding(service.Sid, moved.Sid, World.Id("bob"))));

        Assert.Equal(ErrorReason.PushBindingNotFound, former.Reason);
    }

    [Fact]
    public async Task The_push_binding_after_the_maximum_number_is_rejected()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        for (var i = 0; i < Limits.BindingsPerUser; i++)
            await _world.Bind(service, "ada", $"token {i}");
        var error = await Assert.ThrowsAsync<PresenceException>(() => _world.Bind(service, "ada", "one more"));
        Assert.Equal(ErrorReason.PushBindingLimitExceeded, error.Reason);
        await _world.Bind(service, "ada", "token 0");

        // Neither can a binding move to a user with the maximum number.
        await _world.Create(service, "bob");
        await _world.Bind(service, "bob", "of another");
        error = await Assert.ThrowsAsync<PresenceException>(() => _world.Bind(service, "ada", "of another"));
        Assert.Equal(ErrorReason.PushBindingLimitExceeded, error.Reason);
    }

    [Fact]
    public async Task On_then_off_before_the_first_commit_commits_false()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        var beat = _world.Beat(service, "ada");
        var end = _world.Tracker.EndSession(
            service, new Core.Presence.UserRef(World.Id("ada"), Sid: null, MayCreate: false), World.Session("s1"));
        _world.Write();
        await Task.WhenAll(beat.Stored, end);
        var ada = await _world.Get(service, "ada");
        Assert.False(ada!.IsOnline);
        Assert.Equal(UpdateReasons.ReachabilityOnline, ada.Record!.ReasonsSince(ada.Record.CreatedRevision));
    }

    [Fact]
    public async Task Off_then_on_before_a_commit_commits_nothing()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        var before = await _world.Revision(service);
        _ = _world.Tracker.EndSession(
            service, new Core.Presence.UserRef(World.Id("ada"), Sid: null, MayCreate: false), World.Session("s1"));
        var beat = _world.Beat(service, "ada", "s2");
        _world.Write();
        await beat.Stored;
        Assert.Equal(before, await _world.Revision(service));
    }

    [Fact]
    public async Task A_heartbeat_waits_while_the_tracked_state_is_not_stored_and_every_other_is_answered_from_memory()
    {
        var service = await _world.NewService();
        var first = _world.Beat(service, "ada", "s1");
        var second = _world.Beat(service, "ada", "s2");
        Assert.False(first.Stored.IsCompleted);
        Assert.False(second.Stored.IsCompleted);
        _world.Write();
        await Task.WhenAll(first.Stored, second.Stored);
        Assert.True(_world.Beat(service, "ada", "s1").Stored.IsCompletedSuccessfully);
        Assert.True(_world.Beat(service, "ada", "s3").Stored.IsCompletedSuccessfully);
        Assert.Equal(0, _world.Queue.Count);
    }

    [Fact]
    public async Task When_the_store_fails_the_lease_stands_and_the_stored_state_follows_when_it_is_back()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        _world.Store.Faults.FailAllOperations(fail: true);
        var bob = _world.Beat(service, "bob");
        _world.Write();
        Assert.Equal(ErrorReason.StorageUnavailable, (await Assert.ThrowsAsync<StorageException>(() => bob.Stored)).Reason);
        Assert.True(_world.Beat(service, "ada").Stored.IsCompletedSuccessfully);

        _world.Store.Faults.FailAllOperations(fail: false);
        _world.Write();
        Assert.True((await _world.Get(service, "bob"))!.IsOnline);
        Assert.True(_world.Beat(service, "bob").Stored.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task A_heartbeat_that_undoes_what_is_not_stored_yet_is_answered_from_memory()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        _world.Store.Faults.FailAllOperations(fail: true);
        _ = _world.Tracker.EndSession(
            service, new Core.Presence.UserRef(World.Id("ada"), Sid: null, MayCreate: false), World.Session("s1"));
        Assert.True(_world.Beat(service, "ada", "s2").Stored.IsCompletedSuccessfully);

        _world.Store.Faults.FailAllOperations(fail: false);
        _world.Write();
        Assert.True((await _world.Get(service, "ada"))!.IsOnline);
    }

    [Fact]
    public async Task A_heartbeat_by_a_sid_that_was_read_before_its_user_was_replaced_does_not_bring_the_new_one_online()
    {
        var service = await _world.NewService();
        var first = await _world.Create(service, "ada");
        var address = await _world.Directory.ResolveAsync(service, new UserKey(first.Sid), default);
        await _world.Delete(service, "ada");
        await _world.Create(service, "ada");
        var beat = _world.Tracker.Beat(service, address, World.Session("s1"), stream: null);
        _world.Write();
        Assert.Equal(ErrorReason.UserNotFound, (await Assert.ThrowsAsync<PresenceException>(() => beat.Stored)).Reason);
        Assert.Null((await _world.Get(service, "ada"))!.IsOnline);
    }

    [Fact]
    public async Task While_reachability_is_off_heartbeats_of_live_sessions_wait_for_nothing()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        await _world.Switch(service.Sid, on: false);
        Assert.True(_world.Beat(service, "ada").Stored.IsCompletedSuccessfully);
        Assert.Equal(0, _world.Queue.Count);
        await _world.Switch(service.Sid, on: true);
        Assert.True((await _world.Get(service, "ada"))!.IsOnline);
    }

    [Fact]
    public async Task An_unknown_identity_is_created_by_its_first_heartbeat_in_one_change()
    {
        var service = await _world.NewService();
        var before = await _world.Revision(service);
        await _world.Online(service, "ada");
        var ada = await _world.Get(service, "ada");
        Assert.Equal(before + 1, ada!.Revision);
        Assert.Equal(UpdateReasons.Created | UpdateReasons.ReachabilityOnline, ada.Record!.ReasonsSince(before));
    }

    [Fact]
    public async Task An_unknown_identity_is_not_created_where_that_is_switched_off()
    {
        var service = await _world.NewService();
        await _world.Configure(service.Sid, before => before with { AutoCreateUsers = false });
        var beat = _world.Beat(service, "ada");
        _world.Write();
        Assert.Equal(ErrorReason.UserNotFound, (await Assert.ThrowsAsync<PresenceException>(() => beat.Stored)).Reason);
        Assert.Null(await _world.Get(service, "ada"));
        Assert.Equal(0, _world.Tracker.LiveSessions);
    }

    [Fact]
    public async Task Deleting_a_user_ends_the_sessions_and_only_a_new_one_creates_the_user_again()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        var first = await _world.Get(service, "ada");
        await _world.Delete(service, "ada");
        Assert.Equal(ErrorReason.SessionEnded, _world.Beat(service, "ada").Rejection);
        Assert.Null(await _world.Get(service, "ada"));

        await _world.Online(service, "ada", "s2");
        var second = await _world.Get(service, "ada");
        Assert.NotEqual(first!.Sid, second!.Sid);
        Assert.Equal(ErrorReason.SessionEnded, _world.Beat(service, "ada").Rejection);
    }

    [Fact]
    public async Task A_session_that_waits_for_its_commit_when_its_user_is_deleted_does_not_bring_the_user_back()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        var deletion = _world.Queue.SubmitAsync(new DeleteUser(service.Sid, World.Key("ada"), etag: ""));
        var beat = _world.Beat(service, "ada");
        _world.Write();
        await deletion;
        Assert.Equal(ErrorReason.SessionEnded, (await Assert.ThrowsAsync<PresenceException>(() => beat.Stored)).Reason);
        _world.Write();
        Assert.Null(await _world.Get(service, "ada"));
    }

    [Fact]
    public async Task A_failed_commit_does_not_lose_that_the_user_came_online()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        _world.Store.Faults.FailCommit(CommitFault.BeforeEffect);
        var beat = _world.Beat(service, "ada");
        _world.Writer.WriteOnce();
        await Assert.ThrowsAsync<StorageException>(() => beat.Stored);
        await _world.Offline(service, "ada");
        Assert.False((await _world.Get(service, "ada"))!.IsOnline);
    }

    [Fact]
    public async Task A_switch_between_the_decision_and_the_next_heartbeat_is_noticed()
    {
        var service = await _world.NewService(reachability: false);
        await _world.Online(service, "ada");
        var switched = _world.Queue.SubmitAsync(
            new UpdateConfiguration(service.Sid, etag: "", before => before with { ReachabilityEnabled = true }));
        _world.Writer.WriteOnce();
        await switched;
        await _world.Online(service, "ada");
        Assert.True((await _world.Get(service, "ada"))!.IsOnline);
    }
}
