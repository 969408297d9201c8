using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Tests.Presence.Fixture;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence;

public sealed class MetricsTests : IDisposable
{
    private readonly PresenceWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Transitions_are_counted_as_they_are_tracked()
    {
        var counts = new Dictionary<string, long> { ["True"] = 0, ["False"] = 0 };
        using var listener = _world.Meters.Listen<long>("presence.transitions", (value, online) => counts[online] += value);
        _world.Beat(Alice, Phone);
        _world.Beat(Alice, Laptop);
        _world.Beat(Bob, Phone);
        _ = _world.End(Bob, Phone);
        _ = _world.End(Bob, Phone);
        _world.Beat(Bob, Laptop);

        _world.PassAndWrite(SessionTimeout);
        _world.BeatAndWrite(Bob, Phone);
        _world.DeleteUser(Bob);
        _world.Pass(Limits.Tick);

        Assert.Equal(4, counts["True"]);
        Assert.Equal(4, counts["False"]);
    }

    [Fact]
    public void Lateness_is_the_time_from_the_end_of_the_lease_to_the_tick_that_found_it()
    {
        var heard = new List<double>();
        using var listener = _world.Meters.Listen<double>("presence.lease.lateness", (value, _) => heard.Add(value));
        _world.Time.Advance(TimeSpan.FromMilliseconds(30));
        _world.Beat(Alice, Phone);
        _world.Time.Advance(TimeSpan.FromMilliseconds(70));

        _world.Pass(SessionTimeout + Limits.Tick);

        Assert.Equal(0.07, Assert.Single(heard), precision: 6);
    }

    [Fact]
    public void A_tick_within_a_tick_returns_at_once()
    {
        var heard = 0;
        using var listener = _world.Meters.Listen<double>("presence.lease.lateness", (_, _) =>
        {
            heard++;
            _world.Tracker.Tick();
        });
        _world.Beat(Alice, Phone);
        _world.Beat(Bob, Phone);

        _world.Pass(SessionTimeout);

        Assert.Equal(2, heard);
        Assert.Equal(0, _world.Tracker.LiveSessions);
    }
}
