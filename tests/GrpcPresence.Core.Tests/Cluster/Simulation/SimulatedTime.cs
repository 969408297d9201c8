namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>
/// The clock of a machine, with timers, which the simulation moves. Only one thread moves it. Any thread may read it and set timers,
/// because the delivery loops of webhooks run in the thread pool.
/// </summary>
internal sealed class SimulatedTime : TimeProvider
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Lock _gate = new(); // guards the timers; no timer runs under it
    private readonly List<Timer> _timers = []; // those that are set
    private long _now; // in ticks

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override long GetTimestamp() => Volatile.Read(ref _now);

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => Start + new TimeSpan(Volatile.Read(ref _now)) + WallStep;

    /// <summary>
    /// How far the wall clock was set forward, or back. Timers and the monotonic clock do not see it. Set by the thread that moves the
    /// clock.
    /// </summary>
    public TimeSpan WallStep { get; set; }

    /// <summary>Moves the clock, and runs each timer at its time.</summary>
    public void Advance(TimeSpan by)
    {
        var end = _now + by.Ticks;
        while (TakeNext(end) is { } next)
            next.Fire();
        Volatile.Write(ref _now, end);
    }

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private Timer? TakeNext(long end)
    {
        lock (_gate)
        {
            if (_timers.Count == 0 || _timers.MinBy(timer => timer.Due) is not { } next || next.Due > end)
                return null;
            Volatile.Write(ref _now, Math.Max(next.Due, _now));
            _timers.Remove(next);
            return next;
        }
    }

    private sealed class Timer(SimulatedTime time, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;

        public long Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._gate)
            {
                time._timers.Remove(this);
                (Due, _period) = (time.GetTimestamp() + dueTime.Ticks, period);
                if (dueTime != Timeout.InfiniteTimeSpan)
                    time._timers.Add(this);
            }
            return true;
        }

        public void Fire()
        {
            if (_period > TimeSpan.Zero)
                Change(_period, _period);
            callback(state);
        }

        public void Dispose()
        {
            lock (time._gate)
                time._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
