using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The clock of leases, in ticks of 100 ns since its making. Monotonic, never goes back, and advances by at most <see cref="Limits.MaxTickAdvance"/>
/// between two ticks: a process or machine that was paused ages nobody. Safe from any thread.
/// </summary>
public sealed class LeaseClock
{
    private readonly TimeProvider _time;
    private readonly Lock _gate = new(); // orders ticks; nothing but the time provider is called under it
    private readonly long _frequency;
    private readonly long _unitsPerTick; // 0 when that is no whole number
    private readonly long _maxAdvance;
    private volatile Reading _last;

    /// <summary>A clock that reads 0 now.</summary>
    public LeaseClock(TimeProvider time)
    {
        _time = time;
        _frequency = time.TimestampFrequency;
        _unitsPerTick = _frequency % TimeSpan.TicksPerSecond == 0 ? _frequency / TimeSpan.TicksPerSecond : 0;
        _maxAdvance = (long)((Int128)Limits.MaxTickAdvance.Ticks * _frequency / TimeSpan.TicksPerSecond);
        _last = new Reading(0, time.GetTimestamp());
    }

    /// <summary>The time, also between ticks, so that a lease given between two ticks does not end early.</summary>
    public long Now
    {
        get
        {
            var last = _last;
            return ToTicks(last.Passed + Advance(last, _time.GetTimestamp()));
        }
    }

    /// <summary>Takes the time that has passed, up to the bound, and returns what <see cref="Now"/> is by that.</summary>
    public long Tick()
    {
        lock (_gate)
        {
            var last = _last;
            var stamp = _time.GetTimestamp();
            _last = new Reading(last.Passed + Advance(last, stamp), stamp);
            return ToTicks(_last.Passed);
        }
    }

    private long Advance(Reading last, long stamp) => Math.Clamp(stamp - last.Stamp, 0, _maxAdvance);

    private long ToTicks(long passed) => _unitsPerTick > 0
        ? passed / _unitsPerTick
        : (long)((Int128)passed * TimeSpan.TicksPerSecond / _frequency);

    /// <summary>One moment, replaced as one.</summary>
    /// <param name="Passed">The lease time, in the time provider's own units, so that rounding never adds up.</param>
    /// <param name="Stamp">The time provider's timestamp of the same moment.</param>
    private sealed record Reading(long Passed, long Stamp);
}
