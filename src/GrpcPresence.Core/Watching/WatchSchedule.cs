using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// When a watch must say that it is alive, and when it has to end. Times are timestamps of the hub's <see cref="TimeProvider"/>. Written by the
/// reader, read by the hub's tick; each field is one number, and being late by a tick does no harm.
/// </summary>
internal sealed class WatchSchedule(TimeProvider time, TimeSpan stallTimeout, double jitter)
{
    private long _progressAt = long.MaxValue;
    private long _endAt = long.MaxValue;
    private long _handedOutAt = long.MaxValue;

    /// <summary>Whether silence has lasted long enough.</summary>
    public bool IsProgressDue(long now) => now >= Volatile.Read(ref _progressAt);

    /// <summary>Whether the watch reached its age limit.</summary>
    public bool IsOld(long now) => now >= Volatile.Read(ref _endAt);

    /// <summary>Whether the client has taken nothing for too long.</summary>
    public bool IsStalled(long now) =>
        Volatile.Read(ref _handedOutAt) is var since and not long.MaxValue && now - since >= Ticks(stallTimeout);

    /// <summary>A message is on its way to the client.</summary>
    public void HandedOut()
    {
        Volatile.Write(ref _progressAt, long.MaxValue);
        Volatile.Write(ref _handedOutAt, time.GetTimestamp());
    }

    /// <summary>The client took the message.</summary>
    public void Taken()
    {
        Volatile.Write(ref _handedOutAt, long.MaxValue);
        Volatile.Write(ref _progressAt, time.GetTimestamp() + Ticks(Spread(Limits.ProgressInterval, Limits.ProgressJitter)));
    }

    /// <summary>The client has everything; the age counts from here.</summary>
    public void Synced() =>
        Volatile.Write(ref _endAt, time.GetTimestamp() + Ticks(Spread(Limits.WatchMaxAge, Limits.WatchMaxAgeJitter)));

    private TimeSpan Spread(TimeSpan duration, double by) => duration * (1 + (by * jitter));

    private long Ticks(TimeSpan duration) => (long)(duration.TotalSeconds * time.TimestampFrequency);
}
