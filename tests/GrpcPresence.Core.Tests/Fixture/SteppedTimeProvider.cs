using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Core.Tests.Fixture;

/// <summary>
/// A fake clock whose wall clock can be stepped alone, as when a machine's clock is corrected. The monotonic clock does not change.
/// </summary>
internal sealed class SteppedTimeProvider : FakeTimeProvider
{
    private long _step; // in ticks
    private int _timers;

    /// <summary>Called before each reading of the monotonic clock, for what happens at the same time as the code that reads it.</summary>
    public Action? Reading { get; set; }

    /// <summary>The number of timers that were created.</summary>
    public int Timers => Volatile.Read(ref _timers);

    /// <summary>Steps the wall clock alone.</summary>
    public void StepWallClock(TimeSpan by) => Interlocked.Add(ref _step, by.Ticks);

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => base.GetUtcNow().AddTicks(Interlocked.Read(ref _step));

    /// <summary>
    /// Returns the time since the start. The base class derives the timestamp from <see cref="GetUtcNow"/>, which includes the steps.
    /// It also counts from the year 1, and <see cref="TimeProvider.GetElapsedTime(long)"/> rounds so large a number to some ticks.
    /// </summary>
    public override long GetTimestamp()
    {
        Reading?.Invoke();
        return (base.GetUtcNow() - Start).Ticks;
    }

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Interlocked.Increment(ref _timers);
        return base.CreateTimer(callback, state, dueTime, period);
    }
}
