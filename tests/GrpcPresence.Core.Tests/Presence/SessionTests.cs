using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tests.Presence.Fixture;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence;

public sealed class SessionTests : IDisposable
{
    private readonly PresenceWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void The_first_heartbeat_creates_the_user_online()
    {
        _world.BeatAndWrite(Alice, Phone);

        Assert.True(_world.StoredOnline(Alice));
        Assert.Equal(UpdateReasons.Created | UpdateReasons.ReachabilityOnline, Assert.Single(_world.Published).Reasons);
    }

    [Fact]
    public void A_heartbeat_waits_until_what_it_made_visible_is_stored_and_the_next_is_answered_from_memory()
    {
        var first = _world.Beat(Alice, Phone);
        Assert.False(first.Stored.IsCompleted, "nothing was written yet");
        var second = _world.Beat(Alice, Laptop);
        Assert.False(second.Stored.IsCompleted, "the transition that another session caused is not stored yet");

        _world.Write();

        Assert.True(first.Stored.IsCompletedSuccessfully);
        Assert.True(second.Stored.IsCompletedSuccessfully);
        Assert.Same(Task.CompletedTask, _world.Beat(Alice, Phone).Stored);
        Assert.Equal(0, _world.Queue.Count);
    }

    [Fact]
    public void A_user_stays_online_while_another_session_lives()
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.PassAndWrite(TimeSpan.FromSeconds(40));
        _world.BeatAndWrite(Alice, Laptop);

        _world.PassAndWrite(TimeSpan.FromSeconds(40));
        Assert.Equal(["laptop"], _world.SessionsOf(Alice));
        Assert.True(_world.StoredOnline(Alice));

        _world.PassAndWrite(TimeSpan.FromSeconds(35));
        Assert.False(_world.StoredOnline(Alice));
        Assert.Equal(2, _world.Published.Count);
    }

    [Fact]
    public void A_session_that_ran_out_may_beat_again()
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.PassAndWrite(SessionTimeout);
        Assert.False(_world.StoredOnline(Alice));

        _world.BeatAndWrite(Alice, Phone);

        Assert.True(_world.StoredOnline(Alice));
    }

    [Fact]
    public void A_reconnect_inside_the_lease_emits_nothing()
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.Pass(SessionTimeout - Limits.Tick);

        Assert.Same(Task.CompletedTask, _world.Beat(Alice, Phone).Stored);
        _world.PassAndWrite(SessionTimeout - Limits.Tick);

        Assert.Single(_world.Published);
    }

    [Fact]
    public async Task On_then_off_before_the_first_commit_creates_the_user_offline()
    {
        var beat = _world.Beat(Alice, Phone);
        var end = _world.End(Alice, Phone);
        Assert.False(end.IsCompleted, "the transition is not stored yet");

        _world.Write();

        Assert.True(beat.Stored.IsCompletedSuccessfully);
        await end;
        Assert.False(_world.StoredOnline(Alice));
        Assert.True(Assert.Single(_world.Published).Reasons.HasFlag(UpdateReasons.ReachabilityOnline));
    }

    [Fact]
    public async Task Off_then_on_before_the_commit_commits_nothing()
    {
        _world.BeatAndWrite(Alice, Phone);
        var end = _world.End(Alice, Phone);
        var beat = _world.Beat(Alice, Laptop);

        _world.Write();

        await end;
        Assert.True(beat.Stored.IsCompletedSuccessfully);
        Assert.Single(_world.Published);
    }

    [Fact]
    public void The_least_recently_renewed_of_33_sessions_makes_room_and_may_beat_again()
    {
        for (var number = 0; number < Limits.SessionsPerUser; number++)
        {
            _world.BeatAndWrite(Alice, Session($"s{number}"));
            _world.Time.Advance(TimeSpan.FromMilliseconds(1));
        }
        _world.BeatAndWrite(Alice, Session("s0"));
        _world.Time.Advance(TimeSpan.FromMilliseconds(1));

        _world.BeatAndWrite(Alice, Session("one-more"));

        Assert.Equal(Limits.SessionsPerUser, _world.Tracker.LiveSessions);
        Assert.DoesNotContain("s1", _world.SessionsOf(Alice));
        Assert.Contains("s0", _world.SessionsOf(Alice));
        Assert.Null(_world.Beat(Alice, Session("s1")).Rejection);
        Assert.DoesNotContain("s2", _world.SessionsOf(Alice));
        Assert.Equal(Limits.SessionsPerUser, _world.SessionsOf(Alice).Count());
    }

    [Fact]
    public void Sessions_of_another_user_or_service_instance_are_others()
    {
        var first = _world.Service;
        var second = _world.AddService(reachability: true);
        _world.BeatAndWrite(Alice, Phone);
        Assert.Null(_world.Tracker.Beat(second, Of(Alice), Phone, null).Rejection);
        _world.Write();

        _ = _world.End(Alice, Phone);
        _world.Write();

        Assert.False(_world.StoredOnline(first, Alice));
        Assert.True(_world.StoredOnline(second, Alice));
        Assert.Null(_world.Beat(Bob, Phone).Rejection);
    }

    [Fact]
    public void A_heartbeat_without_a_session_id_is_a_fault_of_the_caller() =>
        Assert.Throws<ArgumentException>(() => _world.Beat(Alice, default));

    [Fact]
    public void A_user_that_may_not_be_created_is_dropped_without_a_trace()
    {
        _world.Configure(configuration => configuration with { AutoCreateUsers = false });

        var beat = _world.Beat(Alice, Phone);
        _world.Write();

        Assert.Equal(ErrorReason.UserNotFound, Assert.IsType<PresenceException>(beat.Stored.Exception!.InnerException).Reason);
        Assert.Equal(0, _world.Tracker.LiveSessions);
        Assert.Equal(0, _world.Tracker.TrackedUsers);
    }

    [Fact]
    public void A_user_without_sessions_is_not_tracked_any_more()
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.Pass(SessionTimeout);
        Assert.Equal(1, _world.Tracker.TrackedUsers); // the transition is not stored yet

        _world.Write();

        Assert.Equal(0, _world.Tracker.TrackedUsers);
        Assert.Equal(0, _world.Tracker.LiveSessions);
    }

    [Fact]
    public void Sessions_of_a_deleted_service_instance_are_rejected_and_dropped_without_a_report()
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.Services.Remove(_world.Service.Sid, _world.Service.Id);

        Assert.Equal(ErrorReason.ServiceInstanceNotFound, _world.Beat(Alice, Phone).Rejection);
        _world.Pass(SessionTimeout);

        Assert.Equal(0, _world.Tracker.TrackedUsers);
        Assert.Equal(0, _world.Queue.Count);
    }

    [Fact]
    public void Sessions_are_tracked_while_reachability_is_off_and_come_online_when_it_is_switched_on()
    {
        using var world = new PresenceWorld(reachability: false);
        world.BeatAndWrite(Alice, Phone);
        world.BeatAndWrite(Bob, Phone);
        world.PassAndWrite(TimeSpan.FromSeconds(30));
        world.BeatAndWrite(Bob, Phone);
        world.PassAndWrite(TimeSpan.FromSeconds(50));
        Assert.False(world.StoredOnline(Bob));

        world.Configure(configuration => configuration with { ReachabilityEnabled = true });

        Assert.True(world.StoredOnline(Bob));
        Assert.False(world.StoredOnline(Alice));
    }
}
