namespace GrpcPresence.Testing;

/// <summary>
/// A clock that moves only when a test says so. The monotonic clock and the wall clock can be moved apart, as a stepped machine clock does. Timers
/// fire on the thread that advances, in the order of their due times.
/// </summary>
public sealed class ManualTimeProvider : TimeProvider
{
    private readonly Lock _gate = new(); // guards the fields; callbacks run outside
    private readonly List<ManualTimer> _timers = [];
    private DateTimeOffset _wall = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private long _monotonic;

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
            return _wall;
    }

    /// <inheritdoc/>
    public override long GetTimestamp()
    {
        lock (_gate)
            return _monotonic;
    }

    /// <summary>Moves the wall clock alone.</summary>
    public void StepWallClock(TimeSpan by)
    {
        lock (_gate)
            _wall += by;
    }

    /// <summary>Moves both clocks, firing every timer on the way at its own time.</summary>
    public void Advance(TimeSpan by)
    {
        long end;
        lock (_gate)
            end = _monotonic + by.Ticks;
        while (true)
        {
            ManualTimer? due;
            lock (_gate)
            {
                due = _timers.Where(timer => timer.Due <= end).MinBy(timer => timer.Due);
                var next = Math.Max(due?.Due ?? end, _monotonic);
                _wall += TimeSpan.FromTicks(next - _monotonic);
                _monotonic = next;
                due?.Schedule(_monotonic);
            }
            if (due is null)
                return;
            due.Fire();
        }
    }

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class ManualTimer(ManualTimeProvider owner, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;

        public long Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (owner._gate)
            {
                owner._timers.Remove(this);
                _period = period;
                if (dueTime != Timeout.InfiniteTimeSpan)
                {
                    Due = owner._monotonic + dueTime.Ticks;
                    owner._timers.Add(this);
                }
            }
            return true;
        }

        // Under the owner's lock.
        public void Schedule(long now)
        {
            if (_period > TimeSpan.Zero)
                Due = now + _period.Ticks;
            else
                owner._timers.Remove(this);
        }

        public void Fire() => callback(state);

        public void Dispose()
        {
            lock (owner._gate)
                owner._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
