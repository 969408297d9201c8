using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tests.Presence.Fixture;
using GrpcPresence.Core.Writing.Commands;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence;

public sealed class UserResolverTests : IDisposable
{
    private static readonly UserSid Unknown = new(42);
    private readonly PresenceWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void An_identity_is_its_own_address_and_needs_no_read()
    {
        Assert.Equal(new UserRef(Alice, null, MayCreate: true), Resolve(new UserKey(Alice)));
        Assert.Equal(0, _world.Store.Faults.Reads);
    }

    [Fact]
    public void A_SID_costs_one_read_until_a_heartbeat_names_it_and_no_read_while_the_user_is_tracked()
    {
        _world.BeatAndWrite(Alice, Phone);
        var sid = _world.SidOf(Alice);

        var address = Resolve(new UserKey(sid));
        Assert.Equal(new UserRef(Alice, sid, MayCreate: false), address);
        Assert.Equal(1, _world.Store.Faults.Reads);
        Assert.Null(_world.Tracker.Beat(_world.Service, address, Phone, null).Rejection);

        _world.Store.Faults.FailReads(fail: true);
        Assert.Equal(address, Resolve(new UserKey(sid)));
        Assert.Equal(1, _world.Store.Faults.Reads);

        _world.PassAndWrite(SessionTimeout);
        Assert.Equal(0, _world.Tracker.Sids.Count);
    }

    [Fact]
    public void The_first_heartbeat_by_SID_of_an_untracked_user_spares_the_next_one_the_read()
    {
        var sid = StoredOffline(Alice);

        var beat = _world.Tracker.Beat(_world.Service, Resolve(new UserKey(sid)), Phone, null);
        _world.Write();

        Assert.True(beat.Stored.IsCompletedSuccessfully);
        Assert.True(_world.StoredOnline(Alice));
        Assert.True(_world.Users.TryResolve(_world.Service, new UserKey(sid), out _));
    }

    [Fact]
    public void An_unknown_SID_is_UserNotFound()
    {
        Assert.Equal(ErrorReason.UserNotFound, Assert.Throws<PresenceException>(() => Resolve(new UserKey(Unknown))).Reason);
        Assert.Equal(ErrorReason.UserNotFound, Assert.Throws<PresenceException>(() => ResolveExisting(new UserKey(Unknown))).Reason);
    }

    [Fact]
    public void A_SID_is_never_created_though_its_user_went_between_the_read_and_the_heartbeat()
    {
        var sid = StoredOffline(Alice);
        var address = Resolve(new UserKey(sid));
        _world.DeleteUser(Alice);

        var beat = _world.Tracker.Beat(_world.Service, address, Phone, null);
        _world.Write();

        Assert.Equal(ErrorReason.UserNotFound, Assert.IsType<PresenceException>(beat.Stored.Exception!.InnerException).Reason);
        Assert.Equal(0, _world.Tracker.TrackedUsers);
        Assert.Equal(0, _world.Tracker.Sids.Count);
    }

    [Fact]
    public void The_SID_of_a_deleted_user_does_not_find_the_user_that_has_the_identity_now()
    {
        _world.BeatAndWrite(Alice, Phone);
        var address = Resolve(new UserKey(_world.SidOf(Alice)));
        Assert.Null(_world.Tracker.Beat(_world.Service, address, Phone, null).Rejection);
        _world.DeleteUser(Alice);
        _world.BeatAndWrite(Alice, Laptop);

        Assert.Equal(ErrorReason.UserNotFound, Assert.Throws<PresenceException>(() => Resolve(new UserKey(address.Sid!.Value))).Reason);
        Assert.Equal(ErrorReason.UserNotFound, _world.Tracker.Beat(_world.Service, address, Phone, null).Rejection);
        var end = _world.Tracker.EndSession(_world.Service, address, Laptop);
        Assert.Equal(ErrorReason.UserNotFound, Assert.IsType<PresenceException>(end.Exception!.InnerException).Reason);
        Assert.Throws<PresenceException>(() => _world.Tracker.ListSessions(_world.Service, address));
        Assert.Equal(["laptop"], _world.SessionsOf(Alice));
    }

    [Fact]
    public async Task Many_keys_need_one_read_and_unknown_ones_are_null()
    {
        var alice = StoredOffline(Alice);
        var bob = StoredOffline(Bob);
        UserKey[] keys = [new(alice), new(Unknown), new(Alice), new(bob), new(alice)];
        var addresses = new UserRef?[keys.Length];
        var before = _world.Store.Faults.Reads;

        await _world.Users.ResolveAsync(_world.Service, keys, addresses, TestContext.Current.CancellationToken);

        Assert.Equal(1, _world.Store.Faults.Reads - before);
        Assert.Equal([Of(Alice, alice), null, Of(Alice), Of(Bob, bob), Of(Alice, alice)], addresses);
    }

    [Fact]
    public async Task When_the_read_for_many_keys_fails_what_needs_no_read_is_there()
    {
        UserKey[] keys = [new(Unknown), new(Alice)];
        var addresses = new UserRef?[keys.Length];
        _world.Store.Faults.FailReads(fail: true);

        await Assert.ThrowsAsync<StorageException>(async () =>
            await _world.Users.ResolveAsync(_world.Service, keys, addresses, TestContext.Current.CancellationToken));

        Assert.Equal([null, Of(Alice)], addresses);
    }

    [Fact]
    public void A_user_that_must_exist_is_found_in_memory_or_by_one_read()
    {
        Assert.Equal(ErrorReason.UserNotFound, Assert.Throws<PresenceException>(() => ResolveExisting(new UserKey(Alice))).Reason);
        StoredOffline(Alice);
        var before = _world.Store.Faults.Reads;
        Assert.Equal(new UserRef(Alice, null, MayCreate: false), ResolveExisting(new UserKey(Alice)));
        Assert.Equal(1, _world.Store.Faults.Reads - before);

        _world.BeatAndWrite(Alice, Phone);
        _world.Store.Faults.FailReads(fail: true);

        Assert.Equal(new UserRef(Alice, null, MayCreate: false), ResolveExisting(new UserKey(Alice)));
    }

    [Fact]
    public async Task The_sessions_of_a_user_that_a_heartbeat_is_about_to_create_can_be_listed_and_ended()
    {
        var beat = _world.Beat(Alice, Phone);

        var end = _world.Tracker.EndSession(_world.Service, ResolveExisting(new UserKey(Alice)), Phone);
        _world.Write();

        Assert.True(beat.Stored.IsCompletedSuccessfully);
        await end;
        Assert.False(_world.StoredOnline(Alice));
    }

    [Fact]
    public void An_ended_id_alone_does_not_make_a_user_exist()
    {
        StoredOffline(Alice);
        _ = _world.End(Alice, Phone);
        _world.DeleteUser(Alice);

        Assert.Equal(ErrorReason.UserNotFound, Assert.Throws<PresenceException>(() => ResolveExisting(new UserKey(Alice))).Reason);
    }

    [Fact]
    public void A_service_instance_that_took_a_deleted_one_s_SID_has_other_users()
    {
        var sid = StoredOffline(Alice);
        var old = _world.Service;
        _world.Submit(new DeleteServiceInstance(old.Sid));
        _world.AddService(reachability: true, old.Sid);

        var error = Assert.Throws<PresenceException>(
            () => Get(_world.Users.ResolveAsync(old, new UserKey(sid), TestContext.Current.CancellationToken)));

        Assert.Equal(ErrorReason.ServiceInstanceNotFound, error.Reason);
    }

    private UserSid StoredOffline(Identity identity)
    {
        _world.BeatAndWrite(identity, Phone);
        _world.PassAndWrite(SessionTimeout);
        return _world.SidOf(identity);
    }

    private UserRef Resolve(UserKey key) => Get(_world.Users.ResolveAsync(_world.Service, key, TestContext.Current.CancellationToken));

    private UserRef ResolveExisting(UserKey key) =>
        Get(_world.Users.ResolveExistingAsync(_world.Service, key, TestContext.Current.CancellationToken));

    // The stub completes synchronously.
    private static UserRef Get(ValueTask<UserRef> resolved)
    {
        Assert.True(resolved.IsCompleted, "the stub completes synchronously");
        return resolved.GetAwaiter().GetResult();
    }
}
