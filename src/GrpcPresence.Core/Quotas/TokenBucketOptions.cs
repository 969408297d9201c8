using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// What a rate allows, in units of a monotonic clock. Shared by all subjects that are limited alike. The time for one is rounded up to a whole unit, so
/// that no rate is ever exceeded; a rate that comes near the clock's frequency (1e9 on Linux, 1e7 on Windows) falls short by that. Immutable.
/// </summary>
public sealed class TokenBucketOptions
{
    private readonly long _frequency;
    private readonly long _costOfOne;

    /// <summary>A rate on a clock.</summary>
    /// <param name="perSecond">How many a second; at least 1.</param>
    /// <param name="frequency">Units of the clock in a second, see <see cref="TimeProvider.TimestampFrequency"/>.</param>
    public TokenBucketOptions(int perSecond, long frequency)
    {
        _frequency = frequency;
        _costOfOne = ((frequency - 1) / perSecond) + 1;
        Burst = Math.Max(perSecond, Limits.MinBurst);
        Capacity = CostOf(Burst);
    }

    /// <summary>How many at once after a pause: what a second allows, and <see cref="Limits.MinBurst"/> at the least.</summary>
    public int Burst { get; }

    /// <summary>The time in which a whole burst comes back.</summary>
    public long Capacity { get; }

    /// <summary>The time in which so many come back.</summary>
    public long CostOf(int count) => count * _costOfOne;

    /// <summary>How many a time pays for; the time is at most <see cref="Capacity"/>.</summary>
    public int PaidBy(long time) => (int)(time / _costOfOne);

    /// <summary>A time on the clock, rounded up to 100 ns.</summary>
    public TimeSpan ToTimeSpan(long time)
    {
        var ticks = (((Int128)time * TimeSpan.TicksPerSecond) + _frequency - 1) / _frequency;
        return new TimeSpan((long)Int128.Min(ticks, TimeSpan.MaxValue.Ticks));
    }
}
