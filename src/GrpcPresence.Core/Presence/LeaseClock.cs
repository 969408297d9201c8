using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The clock of leases, in ticks of 100 ns since its creation. Monotonic. Advances by at most <see cref="Limits.MaxTickAdvance"/> between
/// two ticks, so that a paused process or machine expires no lease. It is stopped until the service is ready. Safe from any thread.
/// </summary>
public sealed class LeaseClock
{
    /// <summary>The stamp of a stopped clock: no timestamp is later, so the clock does not advance.</summary>
    private const long Stopped = long.MaxValue;

    private readonly TimeProvider _time;
    private readonly Lock _gate = new(); // orders ticks; nothing but the time provider is called under it
    private readonly long _frequency;
    private readonly long _unitsPerTick; // 0 when the ratio is not a whole number
    private readonly long _maxAdvance;
    private volatile Reading _last;
    private long _uptimeOffset; // added to a time of this clock, gives the uptime; only grows

    /// <summary>Creates a clock that reads 0 now.</summary>
    public LeaseClock(TimeProvider time)
    {
        _time = time;
        _frequency = time.TimestampFrequency;
        _unitsPerTick = _frequency % TimeSpan.TicksPerSecond == 0 ? _frequency / TimeSpan.TicksPerSecond : 0;
        _maxAdvance = (long)((Int128)Limits.MaxTickAdvance.Ticks * _frequency / TimeSpan.TicksPerSecond);
        _last = new Reading(0, time.GetTimestamp());
    }

    /// <summary>The time. Also advances between two ticks, so that a lease given between them does not end early.</summary>
    public long Now
    {
        get
        {
            var last = _last;
            return ToTicks(last.Stamp == Stopped ? last.Passed : last.Passed + Advance(last, _time.GetTimestamp()));
        }
    }

    /// <summary>Whether the clock advances.</summary>
    public bool IsRunning => _last.Stamp != Stopped;

    /// <summary>
    /// The uptime of earlier processes, and the wall time at which the last one was known to run. Set once, before the service is ready.
    /// </summary>
    public ServerUptime Earlier { get; private set; }

    /// <summary>Returns the uptime of the server, or of the cluster, at a time of this clock.</summary>
    public TimeSpan ToUptime(long time) => TimeSpan.FromTicks(Volatile.Read(ref _uptimeOffset) + time);

    /// <summary>Returns the time of this clock at an uptime; negative for that of an earlier process.</summary>
    public long FromUptime(TimeSpan uptime) => uptime.Ticks - Volatile.Read(ref _uptimeOffset);

    /// <summary>Continues the uptime of earlier processes. Call it once, before the service is ready.</summary>
    public void Continue(ServerUptime earlier)
    {
        Earlier = earlier;
        Volatile.Write(ref _uptimeOffset, earlier.Total.Ticks);
    }

    /// <summary>
    /// Raises the present uptime to this one, if it is lower. The nodes of a cluster share one uptime, and that of a node that was paused
    /// falls behind. Leases and ended sessions in memory do not change, because they are times of this clock.
    /// </summary>
    public void RaiseUptime(TimeSpan uptime)
    {
        var offset = uptime.Ticks - Now;
        var known = Volatile.Read(ref _uptimeOffset);
        while (known < offset)
        {
            var before = Interlocked.CompareExchange(ref _uptimeOffset, offset, known);
            if (before == known)
                return;
            known = before;
        }
    }

    /// <summary>Stops the clock until <see cref="Start"/>.</summary>
    public void Stop()
    {
        lock (_gate)
            _last = Read() with { Stamp = Stopped };
    }

    /// <summary>Continues after <see cref="Stop"/>.</summary>
    public void Start()
    {
        lock (_gate)
            _last = Read();
    }

    /// <summary>Advances by the elapsed time, up to the limit, and returns the new <see cref="Now"/>.</summary>
    public long Tick()
    {
        lock (_gate)
        {
            if (IsRunning)
                _last = Read();
            return ToTicks(_last.Passed);
        }
    }

    private Reading Read()
    {
        var last = _last;
        var stamp = _time.GetTimestamp();
        return new Reading(last.Passed + Advance(last, stamp), stamp);
    }

    private long Advance(Reading last, long stamp) => Math.Clamp(stamp - last.Stamp, 0, _maxAdvance);

    private long ToTicks(long passed) => _unitsPerTick > 0
        ? passed / _unitsPerTick
        : (long)((Int128)passed * TimeSpan.TicksPerSecond / _frequency);

    /// <summary>A reading of both clocks at one moment, replaced atomically.</summary>
    /// <param name="Passed">The lease time, in the time provider's own units, so that rounding errors never accumulate.</param>
    /// <param name="Stamp">The time provider's timestamp of the same moment.</param>
    private sealed record Reading(long Passed, long Stamp);
}
