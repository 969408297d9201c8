using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// When a watch must send <c>progress</c>, and when it has to end. Times are timestamps of the hub's <see cref="TimeProvider"/>. The
/// session writes them and the hub's tick reads them without a lock: each is one number, and a tick that sees an old one only comes a tick
/// late.
/// </summary>
internal sealed class WatchSchedule(TimeProvider time, TimeSpan stallTimeout, double jitter)
{
    private long _progressAt = long.MaxValue;
    private long _endAt = long.MaxValue;
    private long _handedOutAt = long.MaxValue;

    public bool IsProgressDue(long now) => now >= Volatile.Read(ref _progressAt);

    public bool IsOld(long now) => now >= Volatile.Read(ref _endAt);

    /// <summary>Whether the client has taken nothing for too long.</summary>
    public bool IsStalled(long now) =>
        Volatile.Read(ref _handedOutAt) is var since and not long.MaxValue && now - since >= Ticks(stallTimeout);

    /// <summary>
    /// Ends the watch, or requests <c>progress</c>, if it is time. While the node is not confirmed, progress stays due.
    /// </summary>
    public void Tick(long now, WatchQueue queue, bool isConfirmed)
    {
        if (IsStalled(now))
            queue.End(new PresenceException(ErrorReason.WatchStalled, "The client has read nothing for too long."));
        else if (IsOld(now))
            queue.End(new PresenceException(ErrorReason.StreamMaxAge, "The stream reached its age limit."));
        else if (isConfirmed && IsProgressDue(now))
            queue.RequestProgress();
    }

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

    /// <summary>The client took <c>synced</c>. The age counts from here, so that a long snapshot leaves time for changes.</summary>
    public void Synced() =>
        Volatile.Write(ref _endAt, time.GetTimestamp() + Ticks(Spread(Limits.WatchMaxAge, Limits.WatchMaxAgeJitter)));

    private TimeSpan Spread(TimeSpan duration, double fraction) => duration * (1 + (fraction * jitter));

    private long Ticks(TimeSpan duration) => (long)(duration.TotalSeconds * time.TimestampFrequency);
}
