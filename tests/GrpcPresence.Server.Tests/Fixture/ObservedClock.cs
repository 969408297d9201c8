using System.Collections.Concurrent;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>
/// Wraps a clock and reports when a timer is set. A test that advances the clock before the server has set its timer would wait for a timer
/// that never fires.
/// </summary>
internal sealed class ObservedClock(TimeProvider clock) : TimeProvider
{
    private readonly ConcurrentBag<(Predicate<TimeSpan> IsAwaited, TaskCompletionSource Set)> _observers = [];

    public override long TimestampFrequency => clock.TimestampFrequency;

    public override TimeZoneInfo LocalTimeZone => clock.LocalTimeZone;

    /// <summary>Completes when a timer with a matching due time is set. Call it before the timer is set.</summary>
    public Task WhenTimerSet(Predicate<TimeSpan> dueTime)
    {
        var set = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _observers.Add((dueTime, set));
        return set.Task;
    }

    public override DateTimeOffset GetUtcNow() => clock.GetUtcNow();

    public override long GetTimestamp() => clock.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = clock.CreateTimer(callback, state, dueTime, period);
        foreach (var (isAwaited, set) in _observers)
        {
            if (isAwaited(dueTime))
                set.TrySetResult();
        }
        return timer;
    }
}
