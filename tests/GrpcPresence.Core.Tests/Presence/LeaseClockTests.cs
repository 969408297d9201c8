using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tests.Fixture;

namespace GrpcPresence.Core.Tests.Presence;

public sealed class LeaseClockTests
{
    private readonly SteppedTimeProvider _time = new();

    [Fact]
    public void Between_ticks_the_clock_runs_on()
    {
        var clock = new LeaseClock(_time);
        _time.Advance(TimeSpan.FromMilliseconds(250));

        Assert.Equal(TimeSpan.FromMilliseconds(250).Ticks, clock.Now);
        Assert.Equal(clock.Now, clock.Tick());
    }

    [Fact]
    public void A_pause_advances_the_clock_by_at_most_its_bound()
    {
        var clock = new LeaseClock(_time);
        _time.Advance(TimeSpan.FromHours(1));

        Assert.Equal(Limits.MaxTickAdvance.Ticks, clock.Now);
        Assert.Equal(Limits.MaxTickAdvance.Ticks, clock.Tick());
        Assert.Equal(Limits.MaxTickAdvance.Ticks, clock.Now);
        _time.Advance(Limits.Tick);
        Assert.Equal((Limits.MaxTickAdvance + Limits.Tick).Ticks, clock.Now);
    }

    [Fact]
    public void The_uptime_of_a_cluster_raises_that_of_the_clock_and_never_lowers_it()
    {
        var clock = new LeaseClock(_time);
        clock.Continue(new ServerUptime(null, TimeSpan.FromHours(1)));
        _time.Advance(Limits.Tick);
        var (now, end) = (clock.Now, clock.Now + TimeSpan.FromMinutes(1).Ticks);
        Assert.Equal(TimeSpan.FromHours(1) + Limits.Tick, clock.ToUptime(now));

        clock.RaiseUptime(TimeSpan.FromHours(2));
        Assert.Equal(now, clock.Now); // leases do not change
        Assert.Equal(TimeSpan.FromHours(2), clock.ToUptime(now));
        Assert.Equal(TimeSpan.FromHours(2) + TimeSpan.FromMinutes(1), clock.ToUptime(end));
        Assert.Equal(end, clock.FromUptime(clock.ToUptime(end)));

        clock.RaiseUptime(TimeSpan.FromHours(1.5));
        Assert.Equal(TimeSpan.FromHours(2), clock.ToUptime(now));
        Assert.Equal(TimeSpan.FromHours(1), clock.Earlier.Total);
    }

    [Fact]
    public void A_stopped_clock_does_not_advance_and_continues_at_its_start()
    {
        var clock = new LeaseClock(_time);
        _time.Advance(Limits.Tick);
        clock.Stop();
        _time.Advance(Limits.Tick);
        Assert.Equal(Limits.Tick.Ticks, clock.Tick());
        Assert.Equal(Limits.Tick.Ticks, clock.Now);
        Assert.False(clock.IsRunning);

        clock.Start();
        Assert.Equal(Limits.Tick.Ticks, clock.Now);
        Assert.True(clock.IsRunning);
        _time.Advance(Limits.Tick);
        Assert.Equal(2 * Limits.Tick.Ticks, clock.Now);
    }

    [Fact]
    public void Starting_a_clock_that_runs_changes_nothing()
    {
        var clock = new LeaseClock(_time);
        _time.Advance(Limits.Tick);

        clock.Start();

        Assert.Equal(Limits.Tick.Ticks, clock.Now);
    }

    [Fact]
    public void Steps_of_the_wall_clock_change_nothing()
    {
        var clock = new LeaseClock(_time);
        _time.StepWallClock(TimeSpan.FromHours(1));
        Assert.Equal(0, clock.Tick());
        _time.StepWallClock(TimeSpan.FromHours(-2));
        Assert.Equal(0, clock.Tick());
    }

    [Theory]
    [InlineData(1_000_000_000)]
    [InlineData(24_000_000)]
    [InlineData(3_579_545)]
    [InlineData(1_000)]
    public void Whatever_the_frequency_the_clock_neither_goes_back_nor_loses_time_to_rounding(long frequency)
    {
        var time = new CountingTimeProvider(frequency);
        var clock = new LeaseClock(time);
        var last = 0L;
        for (var round = 0; round < 100_000; round++)
        {
            time.Stamp += 1 + round % 7;
            var between = clock.Now;
            Assert.InRange(between, last, long.MaxValue);
            if (round % 3 == 0)
                Assert.Equal(between, clock.Tick());
            last = between;
        }
        var exact = (double)time.Stamp / frequency * TimeSpan.TicksPerSecond;
        Assert.InRange(clock.Now, exact - TimeSpan.TicksPerMillisecond, exact + TimeSpan.TicksPerMillisecond);
    }

    [Fact]
    public void A_monotonic_clock_that_goes_back_does_not_take_the_leases_back()
    {
        var time = new CountingTimeProvider(TimeSpan.TicksPerSecond) { Stamp = 1000 };
        var clock = new LeaseClock(time);
        time.Stamp = 0;

        Assert.Equal(0, clock.Now);
        Assert.Equal(0, clock.Tick());
    }

    private sealed class CountingTimeProvider(long frequency) : TimeProvider
    {
        public long Stamp { get; set; }

        public override long TimestampFrequency => frequency;

        public override long GetTimestamp() => Stamp;
    }
}
