using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Limits;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tests.Presence.Fixture;
using GrpcPresence.Core.Users;
using static GrpcPresence.Core.Tests.Presence.Fixture.World;

namespace GrpcPresence.Core.Tests.Presence;

public sealed class RestartTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Users_who_were_online_stay_online_for_a_full_timeout_from_the_moment_the_service_is_ready()
    {
        await RecoverAsync(Alice, Bob);
        _world.PassAndWrite(SessionTimeout * 2); // loading takes long; nobody ages
        _world.Tracker.Start();

        _world.PassAndWrite(SessionTimeout - Bounds.Tick);
        Assert.True(_world.StoredOnline(Alice));
        Assert.True(_world.StoredOnline(Bob));
        _world.PassAndWrite(Bounds.Tick);

        Assert.False(_world.StoredOnline(Alice));
        Assert.False(_world.StoredOnline(Bob));
        Assert.Equal(0, _world.Tracker.TrackedUsers);
    }

    [Fact]
    public async Task A_heartbeat_of_a_recovered_user_is_answered_from_memory_and_nobody_flaps()
    {
        await RecoverAsync(Alice);
        _world.Tracker.Start();

        Assert.Same(Task.CompletedTask, _world.Beat(Alice, Phone).Stored);
        _world.PassAndWrite(SessionTimeout - Bounds.Tick);
        Assert.Same(Task.CompletedTask, _world.Beat(Alice, Phone).Stored);
        _world.PassAndWrite(Bounds.Tick);

        Assert.Empty(_world.Published);
        Assert.Equal(["phone"], _world.SessionsOf(Alice));
    }

    [Fact]
    public async Task Nothing_but_time_ends_the_anonymous_lease()
    {
        await RecoverAsync(Alice);
        _world.Tracker.Start();
        for (var number = 0; number <= Bounds.SessionsPerUser; number++)
            _world.Beat(Alice, Session($"s{number}"));
        Assert.Equal(Bounds.SessionsPerUser, _world.Tracker.LiveSessions);

        foreach (var session in _world.SessionsOf(Alice).ToList())
            Assert.True(_world.End(Alice, Session(session)).IsCompletedSuccessfully);
        _world.PassAndWrite(SessionTimeout - Bounds.Tick);

        Assert.True(_world.StoredOnline(Alice));
        Assert.Empty(_world.SessionsOf(Alice));
        Assert.True(_world.List(Alice).Recovering);
        _world.PassAndWrite(Bounds.Tick);
        Assert.False(_world.StoredOnline(Alice));
        Assert.False(_world.List(Alice).Recovering);
    }

    [Fact]
    public async Task Deleting_the_user_ends_the_anonymous_lease()
    {
        await RecoverAsync(Alice);
        _world.Tracker.Start();

        _world.DeleteUser(Alice);

        Assert.False(_world.List(Alice).Recovering);
        Assert.Equal(0, _world.Tracker.TrackedUsers);
        _world.PassAndWrite(SessionTimeout);
        Assert.Null(_world.StoredOnline(Alice));
    }

    [Fact]
    public async Task The_anonymous_session_is_not_counted_as_a_session()
    {
        await RecoverAsync(Alice);
        _world.Tracker.Start();

        Assert.Equal(0, _world.Tracker.LiveSessions);
        Assert.Equal(1, _world.Tracker.TrackedUsers);
    }

    [Fact]
    public async Task A_heartbeat_before_the_service_is_ready_neither_starts_nor_ends_the_anonymous_lease()
    {
        await RecoverAsync(Alice);
        _world.BeatAndWrite(Alice, Phone);
        _world.PassAndWrite(SessionTimeout);
        Assert.True(_world.List(Alice).Recovering);
        Assert.Empty(_world.SessionsOf(Alice));

        _world.Tracker.Start();
        _world.PassAndWrite(SessionTimeout - Bounds.Tick);

        Assert.True(_world.StoredOnline(Alice));
        Assert.Empty(_world.Published);
    }

    [Fact]
    public void A_user_recovered_after_the_start_has_a_full_timeout_from_then()
    {
        Store(Alice);
        _world.Tracker.Start();
        _world.Pass(TimeSpan.FromSeconds(10));
        _world.Tracker.Recover(_world.Service, _world.SidOf(Alice), Alice);

        _world.PassAndWrite(SessionTimeout - Bounds.Tick);
        Assert.True(_world.StoredOnline(Alice));
        _world.PassAndWrite(Bounds.Tick);
        Assert.False(_world.StoredOnline(Alice));
    }

    [Fact]
    public async Task Recovery_reads_on_until_everybody_is_loaded()
    {
        var identities = Enumerable.Range(0, 25_000).Select(number => Identity.FromTrusted($"user-{number}")).ToArray();
        Store(identities);
        var other = _world.AddService(reachability: true);
        Store(other.Id, Alice);

        var count = await new PresenceRecovery(_world.Store, _world.Services, _world.Tracker).LoadAsync(TestContext.Current.CancellationToken);
        _world.Tracker.Start();

        Assert.Equal(identities.Length + 1, count);
        Assert.Equal(identities.Length + 1, _world.Tracker.TrackedUsers);
        Assert.True(_world.Tracker.ListSessions(other, Of(Alice)).Recovering);
        Assert.All(identities, identity => Assert.True(_world.List(identity).Recovering));
    }

    [Fact]
    public async Task A_recovered_user_in_a_store_that_fails_goes_offline_when_it_works_again()
    {
        await RecoverAsync(Alice);
        _world.Tracker.Start();
        _world.Store.IsDown = true;
        _world.PassAndWrite(SessionTimeout);
        Assert.True(_world.StoredOnline(Alice));

        _world.Store.IsDown = false;
        _world.Write();

        Assert.False(_world.StoredOnline(Alice));
    }

    [Fact]
    public async Task A_user_online_under_a_SID_that_has_passed_on_is_another()
    {
        await RecoverAsync(Alice);
        _world.Tracker.Start();

        var other = new Core.Changes.RandomSidGenerator().NewUserSid();

        Assert.Equal(ErrorReason.UserNotFound, _world.Tracker.Beat(_world.Service, Of(Alice, other), Phone, null).Rejection);
        Assert.Null(_world.Tracker.Beat(_world.Service, Of(Alice, _world.SidOf(Alice)), Phone, null).Rejection);
    }

    private async Task RecoverAsync(params Identity[] identities)
    {
        Store(identities);
        await new PresenceRecovery(_world.Store, _world.Services, _world.Tracker).LoadAsync(TestContext.Current.CancellationToken);
    }

    private void Store(params Identity[] identities) => Store(_world.Service.Id, identities);

    private void Store(long serviceId, params Identity[] identities)
    {
        foreach (var identity in identities)
            _world.Store.Add(serviceId, OnlineUser(identity));
    }

    private UserRecord OnlineUser(Identity identity) => new()
    {
        Sid = new Core.Changes.RandomSidGenerator().NewUserSid(),
        Identity = identity,
        CreateTime = _world.Time.GetUtcNow(),
        UpdateTime = _world.Time.GetUtcNow(),
        IsOnline = true,
        CreatedRevision = 1,
        Revision = 1,
        OnlineRevision = 1,
        KnownRevision = 1,
    };
}
