using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tests.Presence.Fixture;
using GrpcPresence.Core.Writing.Commands;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence;

public sealed class EndedSessionTests : IDisposable
{
    private readonly PresenceWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task EndSession_ends_the_session_at_once_and_completes_when_the_transition_is_stored()
    {
        _world.BeatAndWrite(Alice, Phone);

        var end = _world.End(Alice, Phone);

        Assert.Empty(_world.SessionsOf(Alice));
        Assert.False(end.IsCompleted, "the transition is not stored yet");
        _world.Write();
        await end;
        Assert.False(_world.StoredOnline(Alice));
    }

    [Fact]
    public async Task Ending_one_of_two_sessions_changes_nothing_that_a_client_sees()
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.BeatAndWrite(Alice, Laptop);

        var end = _world.End(Alice, Phone);
        Assert.Equal(1, _world.Queue.Count); // the end of the session, and no transition of the user
        _world.Write();
        await end;

        Assert.Equal(["laptop"], _world.SessionsOf(Alice));
        Assert.Single(_world.Published);
    }

    [Fact]
    public void A_late_heartbeat_of_an_ended_session_is_SESSION_ENDED_until_its_lease_would_have_run_out()
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.Pass(TimeSpan.FromSeconds(10));
        _ = _world.End(Alice, Phone);
        _world.Write();

        _world.Pass(SessionTimeout - TimeSpan.FromSeconds(10) - Limits.Tick);
        Assert.Equal(ErrorReason.SessionEnded, _world.Beat(Alice, Phone).Rejection);
        Assert.Equal(0, _world.Tracker.LiveSessions);
        Assert.Equal(0, _world.Queue.Count);

        _world.Pass(Limits.Tick);
        Assert.Equal(0, _world.Tracker.TrackedUsers);
        Assert.Null(_world.Beat(Alice, Phone).Rejection);
    }

    [Fact]
    public async Task A_heartbeat_that_arrives_after_the_end_of_its_session_does_not_begin_it_again()
    {
        _world.BeatAndWrite(Alice, Laptop);

        var end = _world.End(Alice, Phone);
        _world.Write();
        await end;

        Assert.Equal(ErrorReason.SessionEnded, _world.Beat(Alice, Phone).Rejection);
        _world.Pass(SessionTimeout - Limits.Tick);
        Assert.Equal(ErrorReason.SessionEnded, _world.Beat(Alice, Phone).Rejection);
        _world.Pass(Limits.Tick);
        Assert.Null(_world.Beat(Alice, Phone).Rejection);
    }

    [Fact]
    public void The_id_of_a_session_that_ran_out_before_the_tick_is_remembered_like_one_that_never_beat()
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.Pass(SessionTimeout - Limits.Tick);
        _world.Time.Advance(Limits.Tick);

        _ = _world.End(Alice, Phone);

        Assert.Equal(ErrorReason.SessionEnded, _world.Beat(Alice, Phone).Rejection);
    }

    [Fact]
    public async Task Ending_again_waits_for_the_same_transition_and_remembers_no_longer()
    {
        _world.BeatAndWrite(Alice, Phone);
        _ = _world.End(Alice, Phone);
        var again = _world.End(Alice, Phone);
        Assert.False(again.IsCompleted, "the transition is not stored yet");
        _world.Write();
        await again;

        _world.Pass(SessionTimeout - Limits.Tick);
        _ = _world.End(Alice, Phone);
        _world.Pass(Limits.Tick);

        Assert.Null(_world.Beat(Alice, Phone).Rejection);
        Assert.Equal(2, _world.Published.Count);
    }

    [Fact]
    public void The_ended_id_that_would_be_forgotten_first_makes_room()
    {
        _world.BeatAndWrite(Alice, Laptop);
        for (var number = 0; number < Limits.EndedSessionsPerUser; number++)
        {
            _ = _world.End(Alice, Session($"s{number}"));
            _world.Time.Advance(TimeSpan.FromMilliseconds(1));
        }
        Assert.Equal(ErrorReason.SessionEnded, _world.Beat(Alice, Session("s0")).Rejection);

        _ = _world.End(Alice, Session("one-more"));

        Assert.Equal(ErrorReason.SessionEnded, _world.Beat(Alice, Session("one-more")).Rejection);
        Assert.Equal(ErrorReason.SessionEnded, _world.Beat(Alice, Session("s1")).Rejection);
        Assert.Null(_world.Beat(Alice, Session("s0")).Rejection);
        _world.Write();
        Assert.Equal(Limits.EndedSessionsPerUser, _world.Store.Image.Get(_world.Service.Sid).EndedSessions.Count);
    }

    [Fact]
    public void Deleting_a_user_ends_the_sessions_and_only_a_new_one_creates_the_user_again_with_a_new_SID()
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.BeatAndWrite(Alice, Laptop);
        var sid = _world.SidOf(Alice);

        _world.DeleteUser(Alice);

        Assert.Equal(0, _world.Tracker.LiveSessions);
        Assert.Equal(ErrorReason.SessionEnded, _world.Beat(Alice, Phone).Rejection);
        Assert.Equal(ErrorReason.SessionEnded, _world.Beat(Alice, Laptop).Rejection);
        Assert.Null(_world.StoredOnline(Alice));
        _world.BeatAndWrite(Alice, Session("new"));
        Assert.True(_world.StoredOnline(Alice));
        Assert.NotEqual(sid, _world.SidOf(Alice));
    }

    [Fact]
    public void The_ids_of_a_deleted_user_are_forgotten_with_the_tombstone()
    {
        using var world = new PresenceWorld(tombstoneRetention: TimeSpan.FromMinutes(5));
        world.BeatAndWrite(Alice, Phone);
        world.Pass(TimeSpan.FromSeconds(25));
        world.DeleteUser(Alice);

        world.Pass(TimeSpan.FromMinutes(5) - Limits.Tick);
        Assert.Equal(ErrorReason.SessionEnded, world.Beat(Alice, Phone).Rejection);
        world.Pass(Limits.Tick);

        Assert.Equal(0, world.Tracker.TrackedUsers);
        Assert.Null(world.Beat(Alice, Phone).Rejection);
    }

    [Fact]
    public void A_caller_that_waits_for_a_session_of_a_deleted_user_gets_SessionEnded()
    {
        _world.BeatAndWrite(Alice, Phone);
        _ = _world.End(Alice, Phone);
        _world.Write();
        var deletion = _world.Queue.SubmitAsync(
            new DeleteUser(_world.Service.Sid, new UserKey(Alice), ""));
        var beat = _world.Beat(Alice, Laptop);

        _world.Write();

        Assert.True(deletion.IsCompletedSuccessfully);
        Assert.Equal(ErrorReason.SessionEnded, Assert.IsType<PresenceException>(beat.Stored.Exception!.InnerException).Reason);
        Assert.Equal(ErrorReason.SessionEnded, _world.Beat(Alice, Laptop).Rejection);
    }

    [Fact]
    public void A_stream_forgets_a_deleted_user()
    {
        var stream = new HeartbeatStream(endSessionsOnClose: true);
        _world.BeatAndWrite(Alice, Phone, stream);

        _world.DeleteUser(Alice);

        Assert.Equal(0, stream.UserCount);
    }
}
