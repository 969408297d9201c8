using GrpcPresence.Core.Limits;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The clock of leases, in ticks of 100 ns since its making. Monotonic, never goes back, and advances by at most <see cref="Bounds.MaxTickAdvance"/>
/// between two ticks: a process or machine that was paused ages nobody. Safe from any thread.
/// </summary>
public sealed class LeaseClock
{
    private readonly TimeProvider _time;
    private readonly Lock _gate = new(); // orders ticks; nothing but the time provider is called under it
    private volatile Reading _last; // time and stamp of one moment, replaced as one

    /// <summary>A clock that reads 0 now.</summary>
    public LeaseClock(TimeProvider time)
    {
        _time = time;
        _last = new Reading(0, time.GetTimestamp());
    }

    /// <summary>The time, also between ticks, so that a lease given between two ticks does not end early.</summary>
    public long Now
    {
        get
        {
            var last = _last;
            return last.Time + Math.Min(ToTicks(_time.GetTimestamp() - last.Stamp), Bounds.MaxTickAdvance.Ticks);
        }
    }

    /// <summary>Takes the time that has passed, up to the bound, and returns what <see cref="Now"/> is by that.</summary>
    public long Tick()
    {
        lock (_gate)
        {
            var last = _last;
            var stamp = _time.GetTimestamp();
            var elapsed = ToTicks(stamp - last.Stamp);
            // What a tick cannot express stays with the stamp: dropped, it would let a reading through the older stamp be ahead of one through this.
            _last = elapsed > Bounds.MaxTickAdvance.Ticks
                ? new Reading(last.Time + Bounds.MaxTickAdvance.Ticks, stamp)
                : new Reading(last.Time + elapsed, last.Stamp + ToStamp(elapsed));
            return _last.Time;
        }
    }

    private long ToTicks(long stamps)
    {
        var frequency = _time.TimestampFrequency;
        return stamps <= 0 ? 0
            : frequency % TimeSpan.TicksPerSecond == 0 ? stamps / (frequency / TimeSpan.TicksPerSecond)
            : (long)((Int128)stamps * TimeSpan.TicksPerSecond / frequency);
    }

    private long ToStamp(long ticks) => (long)((Int128)ticks * _time.TimestampFrequency / TimeSpan.TicksPerSecond);

    private sealed record Reading(long Time, long Stamp);
}
