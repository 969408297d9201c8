using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tests.Presence.Fixture;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence;

public sealed class LeaseTests : IDisposable
{
    private readonly PresenceWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(37)]
    [InlineData(99)]
    public void A_lease_ends_never_early_and_at_most_one_tick_late_whatever_the_phase_of_the_timer(int phaseMilliseconds)
    {
        for (var beatMilliseconds = 0; beatMilliseconds < 100; beatMilliseconds += 7)
        {
            using var world = new PresenceWorld();
            world.Pass(TimeSpan.FromMilliseconds(phaseMilliseconds)); // sets the phase of the later ticks
            world.Time.Advance(TimeSpan.FromMilliseconds(beatMilliseconds));
            world.BeatAndWrite(Alice, Phone);
            world.Time.Advance(Limits.Tick - TimeSpan.FromMilliseconds(beatMilliseconds));
            world.Tracker.Tick();
            var lived = Limits.Tick - TimeSpan.FromMilliseconds(beatMilliseconds);
            while (world.Tracker.LiveSessions > 0)
            {
                world.Pass(Limits.Tick);
                lived += Limits.Tick;
            }
            Assert.InRange(lived, SessionTimeout, SessionTimeout + Limits.Tick - TimeSpan.FromMilliseconds(1));
        }
    }

    [Fact]
    public void A_heartbeat_renews_the_lease_by_the_timeout_in_force_at_that_heartbeat()
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.BeatAndWrite(Bob, Phone);
        _world.Configure(configuration => configuration with
        {
            HeartbeatInterval = TimeSpan.FromSeconds(2),
            SessionTimeout = TimeSpan.FromSeconds(4),
        });
        _world.BeatAndWrite(Bob, Phone); // a shorter lease than before

        _world.PassAndWrite(TimeSpan.FromSeconds(4));

        Assert.False(_world.StoredOnline(Bob));
        Assert.True(_world.StoredOnline(Alice));
        _world.Pass(SessionTimeout - TimeSpan.FromSeconds(4) - Limits.Tick);
        Assert.Equal(1, _world.Tracker.LiveSessions);
        _world.Pass(Limits.Tick);
        Assert.Equal(0, _world.Tracker.LiveSessions);
    }

    [Fact]
    public void A_lease_that_is_longer_than_the_wheel_ends_on_time()
    {
        var timeout = Limits.Tick * (TimingWheel.Slots * 2.5);
        _world.Configure(configuration => configuration with { SessionTimeout = timeout });
        _world.BeatAndWrite(Alice, Phone);

        _world.Pass(timeout - Limits.Tick);
        Assert.Equal(1, _world.Tracker.LiveSessions);
        _world.Pass(Limits.Tick);
        Assert.Equal(0, _world.Tracker.LiveSessions);
    }

    [Fact]
    public void After_a_pause_a_client_whose_heartbeat_was_due_has_time_to_send_it_with_the_shortest_timeout()
    {
        _world.Configure(configuration => configuration with
        {
            HeartbeatInterval = Limits.MinHeartbeatInterval,
            SessionTimeout = Limits.MinHeartbeatInterval * 2,
        });
        _world.BeatAndWrite(Alice, Phone);
        _world.Pass(Limits.MinHeartbeatInterval);
        _world.Time.Advance(TimeSpan.FromHours(1));

        _world.Tracker.Tick();
        _world.Pass(Limits.MinHeartbeatInterval / 2 - Limits.Tick);

        Assert.Equal(1, _world.Tracker.LiveSessions);
    }

    [Fact]
    public void A_pause_of_twice_the_timeout_ages_no_session_by_more_than_its_bound()
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.Time.Advance(SessionTimeout * 2);
        _world.Tracker.Tick();
        Assert.Equal(1, _world.Tracker.LiveSessions);

        _world.Pass(SessionTimeout - Limits.MaxTickAdvance - Limits.Tick);
        Assert.Equal(1, _world.Tracker.LiveSessions);
        _world.Pass(Limits.Tick);
        Assert.Equal(0, _world.Tracker.LiveSessions);
    }

    [Fact]
    public void Steps_of_the_wall_clock_end_no_lease_and_lengthen_none()
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.Time.StepWallClock(TimeSpan.FromHours(1));
        _world.Pass(SessionTimeout / 2);
        _world.Time.StepWallClock(TimeSpan.FromHours(-2));
        _world.Pass(SessionTimeout / 2 - Limits.Tick);
        Assert.Equal(1, _world.Tracker.LiveSessions);

        _world.Pass(Limits.Tick);

        Assert.Equal(0, _world.Tracker.LiveSessions);
    }

    [Fact]
    public void Sessions_are_listed_by_the_most_recent_heartbeat_with_times_of_the_present_wall_clock()
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.Pass(TimeSpan.FromSeconds(10));
        _world.BeatAndWrite(Alice, Laptop);
        _world.Pass(TimeSpan.FromSeconds(20));
        _world.Time.StepWallClock(TimeSpan.FromHours(-1));
        var now = _world.Time.GetUtcNow();

        var list = _world.List(Alice);

        Assert.False(list.Recovering);
        Assert.Equal(
            [
                new SessionInfo(Laptop, now.AddSeconds(-20), now.AddSeconds(55)),
                new SessionInfo(Phone, now.AddSeconds(-30), now.AddSeconds(45)),
            ],
            list.Sessions);
    }

    [Fact]
    public void A_session_with_an_expired_lease_is_not_listed_even_before_a_tick()
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.Pass(SessionTimeout - Limits.Tick);
        _world.Time.Advance(Limits.Tick);

        Assert.Empty(_world.SessionsOf(Alice));
    }
}
