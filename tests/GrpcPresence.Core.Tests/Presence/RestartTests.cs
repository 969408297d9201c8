using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tests.Presence.Fixture;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence;

public sealed class RestartTests : IDisposable
{
    private readonly PresenceWorld _before = new();
    private readonly PresenceWorld _world;

    public RestartTests()
    {
        _before.BeatAndWrite(Alice, Phone);
        _before.BeatAndWrite(Bob, Phone);
        _world = _before.Restart();
    }

    public void Dispose()
    {
        _before.Dispose();
        _world.Dispose();
    }

    [Fact]
    public async Task Users_that_were_online_stay_online_for_a_full_timeout_from_the_moment_the_service_is_ready()
    {
        await LoadAsync();
        _world.PassAndWrite(SessionTimeout * 2); // loading takes long, but no lease expires
        _world.Tracker.Start();

        _world.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(_world.StoredOnline(Alice));
        Assert.True(_world.StoredOnline(Bob));
        _world.PassAndWrite(Limits.Tick);

        Assert.False(_world.StoredOnline(Alice));
        Assert.False(_world.StoredOnline(Bob));
        Assert.Equal(0, _world.Tracker.TrackedUsers);
    }

    [Fact]
    public async Task A_heartbeat_of_a_recovered_user_is_answered_from_memory_and_no_user_flaps()
    {
        await LoadAsync();
        _world.Tracker.Start();

        Assert.Same(Task.CompletedTask, _world.Beat(Alice, Phone).Stored);
        _world.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.Same(Task.CompletedTask, _world.Beat(Alice, Phone).Stored);
        _world.PassAndWrite(Limits.Tick);

        Assert.Equal(["phone"], _world.SessionsOf(Alice));
        Assert.Equal(Bob, Assert.Single(_world.Published).State.Identity);
    }

    [Fact]
    public async Task Only_time_ends_the_recovered_lease()
    {
        await LoadAsync();
        _world.Tracker.Start();
        for (var number = 0; number <= Limits.SessionsPerUser; number++)
            _world.Beat(Alice, Session($"s{number}"));
        Assert.Equal(Limits.SessionsPerUser, _world.Tracker.LiveSessions);

        foreach (var session in _world.SessionsOf(Alice).ToList())
            _ = _world.End(Alice, Session(session));
        _world.PassAndWrite(SessionTimeout - Limits.Tick);

        Assert.True(_world.StoredOnline(Alice));
        Assert.Empty(_world.SessionsOf(Alice));
        Assert.True(_world.List(Alice).Recovering);
        _world.PassAndWrite(Limits.Tick);
        Assert.False(_world.StoredOnline(Alice));
        Assert.False(_world.List(Alice).Recovering);
    }

    [Fact]
    public async Task The_end_of_the_anonymous_lease_makes_no_room_for_another_session()
    {
        await LoadAsync();
        _world.Tracker.Start();
        for (var half = 0; half < 2; half++)
        {
            for (var number = 0; number < Limits.SessionsPerUser; number++)
                _world.Beat(Alice, Session($"s{number}"));
            _world.PassAndWrite(SessionTimeout / 2);
        }
        Assert.False(_world.List(Alice).Recovering);
        Assert.Equal(Limits.SessionsPerUser, _world.Tracker.LiveSessions);

        _world.Beat(Alice, Phone);

        Assert.Equal(Limits.SessionsPerUser, _world.Tracker.LiveSessions);
    }

    [Fact]
    public async Task Deleting_the_user_ends_the_anonymous_lease()
    {
        await LoadAsync();
        _world.Tracker.Start();

        _world.DeleteUser(Alice);

        Assert.False(_world.List(Alice).Recovering);
        Assert.Equal(1, _world.Tracker.TrackedUsers);
        _world.PassAndWrite(SessionTimeout);
        Assert.Null(_world.StoredOnline(Alice));
    }

    [Fact]
    public async Task The_anonymous_session_is_not_counted_as_a_session()
    {
        await LoadAsync();
        _world.Tracker.Start();

        Assert.Equal(0, _world.Tracker.LiveSessions);
        Assert.Equal(2, _world.Tracker.TrackedUsers);
    }

    [Fact]
    public async Task A_heartbeat_before_the_service_is_ready_neither_starts_nor_ends_the_anonymous_lease()
    {
        await LoadAsync();
        _world.BeatAndWrite(Alice, Phone);
        _world.PassAndWrite(SessionTimeout);
        Assert.True(_world.List(Alice).Recovering);

        _world.Tracker.Start();
        _world.PassAndWrite(SessionTimeout - Limits.Tick);

        Assert.True(_world.StoredOnline(Alice));
        Assert.True(_world.List(Alice).Recovering);
        Assert.Empty(_world.Published);
        _world.PassAndWrite(Limits.Tick);
        Assert.False(_world.StoredOnline(Alice));
    }

    [Fact]
    public async Task The_lease_of_a_heartbeat_before_the_service_is_ready_runs_from_readiness_too()
    {
        await LoadAsync();
        _world.BeatAndWrite(Alice, Phone);
        _world.PassAndWrite(SessionTimeout * 2);
        Assert.Equal(["phone"], _world.SessionsOf(Alice));

        _world.Tracker.Start();
        _world.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.Equal(["phone"], _world.SessionsOf(Alice));
        _world.PassAndWrite(Limits.Tick);

        Assert.Empty(_world.SessionsOf(Alice));
    }

    [Fact]
    public void A_recovered_lease_that_ends_at_once_does_not_end_before_the_service_is_ready()
    {
        _world.Tracker.Resume(new ServerUptime(AliveTime: null, Total: 2 * Limits.MaxUnseen + SessionTimeout));
        _world.Tracker.Recover(
            _world.Service, new StoredOnlineUser(0, _world.Service.Sid, _world.SidOf(Alice), Alice, TimeSpan.Zero));
        _world.PassAndWrite(SessionTimeout);
        Assert.True(_world.StoredOnline(Alice));

        _world.Tracker.Start();
        _world.PassAndWrite(Limits.Tick);

        Assert.False(_world.StoredOnline(Alice));
    }

    [Fact]
    public void A_user_recovered_after_the_start_has_a_full_timeout_from_then()
    {
        _world.Tracker.Start();
        _world.Pass(TimeSpan.FromSeconds(10));
        _world.Tracker.Recover(
            _world.Service, new StoredOnlineUser(0, _world.Service.Sid, _world.SidOf(Alice), Alice, TimeSpan.Zero));

        _world.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(_world.StoredOnline(Alice));
        _world.PassAndWrite(Limits.Tick);
        Assert.False(_world.StoredOnline(Alice));
    }

    [Fact]
    public async Task Recovery_reads_on_until_every_user_in_every_service_instance_is_loaded()
    {
        var other = _before.AddService(reachability: true);
        _before.Tracker.Beat(other, Of(Alice), Phone, null);
        var users = Enumerable.Range(0, 10_500).Select(number => Identity.FromTrusted($"user-{number}")).ToList();
        foreach (var user in users)
            _before.Beat(user, Phone);
        _before.Write();
        var before = _world.Store.Faults.Reads;

        Assert.Equal(users.Count + 3, await LoadAsync());
        _world.Tracker.Start();

        Assert.Equal(users.Count + 3, _world.Tracker.TrackedUsers);
        Assert.True(_world.Tracker.ListSessions(other, Of(Alice)).Recovering);
        Assert.All(users, user => Assert.True(_world.List(user).Recovering));
        Assert.InRange(_world.Store.Faults.Reads - before, 4, 6); // the uptime, ended sessions, two pages, and the two service instances
    }

    [Fact]
    public async Task A_recovered_user_goes_offline_when_a_store_that_failed_works_again()
    {
        await LoadAsync();
        _world.Tracker.Start();
        _world.Store.Faults.FailAllOperations(fail: true);
        _world.PassAndWrite(SessionTimeout);
        Assert.True(_world.StoredOnline(Alice));

        _world.Store.Faults.Clear();
        _world.Write();

        Assert.False(_world.StoredOnline(Alice));
    }

    [Fact]
    public async Task A_recovered_user_is_not_found_under_another_SID()
    {
        await LoadAsync();
        _world.Tracker.Start();

        Assert.Equal(ErrorReason.UserNotFound, _world.Tracker.Beat(_world.Service, Of(Alice, new UserSid(42)), Phone, null).Rejection);
        Assert.Null(_world.Tracker.Beat(_world.Service, Of(Alice, _world.SidOf(Alice)), Phone, null).Rejection);
    }

    private Task<long> LoadAsync() =>
        new PresenceRecovery(_world.Store, _world.Services, _world.Tracker).LoadAsync(TestContext.Current.CancellationToken);
}
