using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tests.Presence.Fixture;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence;

public sealed class HeartbeatStreamTests : IDisposable
{
    private readonly PresenceWorld _world = new();
    private readonly HeartbeatStream _stream = new(endSessionsOnClose: true);

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Closing_a_stream_that_asked_for_it_ends_its_sessions_after_the_debounce()
    {
        _world.BeatAndWrite(Alice, Phone, _stream);

        _world.Tracker.Close(_stream);

        _world.PassAndWrite(Debounce - Limits.Tick);
        Assert.True(_world.StoredOnline(Alice));
        _world.PassAndWrite(Limits.Tick);
        Assert.False(_world.StoredOnline(Alice));
    }

    [Fact]
    public void A_reconnect_inside_the_debounce_emits_nothing()
    {
        _world.BeatAndWrite(Alice, Phone, _stream);
        _world.Tracker.Close(_stream);
        _world.PassAndWrite(Debounce - Limits.Tick);

        Assert.Same(Task.CompletedTask, _world.Beat(Alice, Phone, new HeartbeatStream(endSessionsOnClose: true)).Stored);
        _world.PassAndWrite(SessionTimeout - Limits.Tick);

        Assert.Equal(["phone"], _world.SessionsOf(Alice));
        Assert.Single(_world.Published);
    }

    [Fact]
    public void A_late_heartbeat_of_an_older_stream_does_not_take_the_session_from_a_newer_one()
    {
        var newer = new HeartbeatStream(endSessionsOnClose: true);
        _world.BeatAndWrite(Alice, Phone, _stream);
        _world.BeatAndWrite(Alice, Phone, newer);
        _world.BeatAndWrite(Alice, Phone, _stream);

        _world.Tracker.Close(_stream);
        _world.PassAndWrite(SessionTimeout - Limits.Tick);

        Assert.True(_world.StoredOnline(Alice));
        Assert.Equal(0, _stream.UserCount);
        Assert.Equal(1, newer.UserCount);
    }

    [Fact]
    public void A_late_heartbeat_of_an_older_stream_does_not_take_the_session_from_a_newer_one_that_ends_no_sessions()
    {
        _world.BeatAndWrite(Alice, Phone, _stream);
        _world.BeatAndWrite(Alice, Phone, new HeartbeatStream(endSessionsOnClose: false));
        _world.BeatAndWrite(Alice, Phone, _stream);

        _world.Tracker.Close(_stream);
        _world.PassAndWrite(SessionTimeout - Limits.Tick);

        Assert.True(_world.StoredOnline(Alice));
        Assert.Equal(0, _stream.UserCount);
    }

    [Fact]
    public void Closing_lengthens_no_lease()
    {
        _world.BeatAndWrite(Alice, Phone, _stream);
        _world.Pass(SessionTimeout - TimeSpan.FromSeconds(1));

        _world.Tracker.Close(_stream);
        _world.Pass(TimeSpan.FromSeconds(1));

        Assert.Empty(_world.SessionsOf(Alice));
    }

    [Fact]
    public void The_debounce_is_the_one_in_force_at_the_close_and_may_be_nothing()
    {
        _world.BeatAndWrite(Alice, Phone, _stream);
        _world.Configure(configuration => configuration with { OfflineDebounce = TimeSpan.Zero });

        _world.Tracker.Close(_stream);
        _world.PassAndWrite(Limits.Tick);

        Assert.False(_world.StoredOnline(Alice));
    }

    [Fact]
    public void A_stream_that_did_not_ask_for_it_ends_no_session_and_keeps_no_user()
    {
        var stream = new HeartbeatStream(endSessionsOnClose: false);
        _world.BeatAndWrite(Alice, Phone, stream);

        _world.Tracker.Close(stream);
        _world.Pass(SessionTimeout - Limits.Tick);

        Assert.Equal(["phone"], _world.SessionsOf(Alice));
        Assert.Equal(0, stream.UserCount);
    }

    [Theory]
    [InlineData("unary")]
    [InlineData("stream that keeps")]
    [InlineData("stream that does not keep")]
    public void A_heartbeat_over_another_stream_or_call_takes_over_the_session(string road)
    {
        _world.BeatAndWrite(Alice, Phone, _stream);
        _world.BeatAndWrite(Alice, Phone, road == "unary" ? null : new HeartbeatStream(road == "stream that keeps"));
        Assert.Equal(0, _stream.UserCount);

        _world.Tracker.Close(_stream);
        _world.Pass(SessionTimeout - Limits.Tick);

        Assert.Equal(["phone"], _world.SessionsOf(Alice));
    }

    [Fact]
    public void A_session_taken_back_is_the_first_stream_s_again()
    {
        _world.BeatAndWrite(Alice, Phone, _stream);
        _world.BeatAndWrite(Alice, Phone);
        _world.BeatAndWrite(Alice, Phone, _stream);

        _world.Tracker.Close(_stream);
        _world.Pass(Debounce);

        Assert.Empty(_world.SessionsOf(Alice));
    }

    [Fact]
    public void Closing_touches_only_the_sessions_that_the_stream_beat_last()
    {
        var other = new HeartbeatStream(endSessionsOnClose: true);
        _world.BeatAndWrite(Alice, Phone, _stream);
        _world.BeatAndWrite(Alice, Laptop, other);
        _world.BeatAndWrite(Alice, Session("tv"), _stream);

        _world.Tracker.Close(_stream);
        _world.Pass(Debounce);

        Assert.Equal(["laptop"], _world.SessionsOf(Alice));
    }

    [Fact]
    public void A_stream_forgets_users_whose_sessions_are_over()
    {
        _world.BeatAndWrite(Alice, Phone, _stream);
        _world.BeatAndWrite(Alice, Laptop, _stream);
        _world.BeatAndWrite(Bob, Phone, _stream);
        Assert.Equal(2, _stream.UserCount);

        _ = _world.End(Alice, Phone);
        Assert.Equal(2, _stream.UserCount);
        _ = _world.End(Alice, Laptop);
        Assert.Equal(1, _stream.UserCount);
        _world.Pass(SessionTimeout);
        Assert.Equal(0, _stream.UserCount);
    }

    [Fact]
    public void Closing_shortens_the_time_for_which_nothing_else_is_remembered()
    {
        _world.BeatAndWrite(Alice, Phone, _stream);
        _ = _world.End(Alice, Phone);
        _world.Tracker.Close(_stream);
        _world.Pass(Debounce);

        Assert.Equal(ErrorReason.SessionEnded, _world.Beat(Alice, Phone).Rejection);
    }
}
