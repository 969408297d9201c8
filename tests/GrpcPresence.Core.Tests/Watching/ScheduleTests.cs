using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Watching;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Tests when a watch sends a progress message, and when it reaches its age limit.</summary>
public sealed class ScheduleTests
{
    private readonly FakeTimeProvider _time = new();

    [Theory]
    [InlineData(-1, 13.5)]
    [InlineData(0, 15)]
    [InlineData(1, 16.5)]
    public void Alive_progress_is_due_after_15_seconds_of_silence_spread_by_a_tenth(double jitter, double seconds)
    {
        var schedule = New(jitter);
        schedule.HandedOut();
        schedule.Taken();
        AssertDueAfter(TimeSpan.FromSeconds(seconds), () => schedule.IsProgressDue(_time.GetTimestamp()));
    }

    [Theory]
    [InlineData(-1, 24)]
    [InlineData(0, 30)]
    [InlineData(1, 36)]
    public void Drained_a_watch_is_old_after_30_minutes_spread_by_a_fifth(double jitter, double minutes)
    {
        var schedule = New(jitter);
        schedule.Synced();
        AssertDueAfter(TimeSpan.FromMinutes(minutes), () => schedule.IsOld(_time.GetTimestamp()));
    }

    private WatchSchedule New(double jitter) => new(_time, Limits.WatchStallTimeout, jitter);

    private void AssertDueAfter(TimeSpan expected, Func<bool> isDue)
    {
        _time.Advance(expected - Limits.Tick);
        Assert.False(isDue());
        _time.Advance(2 * Limits.Tick);
        Assert.True(isDue());
    }
}
