using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// The limits of a rate, in units of a monotonic clock. Shared by all subjects with the same limits. The time for one token is rounded up
/// to a whole unit, so that no rate is ever exceeded. A rate near the clock's frequency (1e9 on Linux, 1e7 on Windows) is reduced by that.
/// Immutable.
/// </summary>
public sealed class TokenBucketOptions
{
    private readonly long _frequency;
    private readonly long _costOfOne;

    /// <summary>Creates the limits for a rate on a clock.</summary>
    /// <param name="perSecond">How many per second; at least 1.</param>
    /// <param name="frequency">Units of the clock in a second, see <see cref="TimeProvider.TimestampFrequency"/>.</param>
    public TokenBucketOptions(int perSecond, long frequency)
    {
        _frequency = frequency;
        _costOfOne = ((frequency - 1) / perSecond) + 1;
        Burst = Math.Max(perSecond, Limits.MinBurst);
        Capacity = CostOf(Burst);
    }

    /// <summary>The maximum at once after a pause: one second's worth, and at least <see cref="Limits.MinBurst"/>.</summary>
    public int Burst { get; }

    /// <summary>The time in which a whole burst becomes available.</summary>
    public long Capacity { get; }

    /// <summary>Returns the time in which this many tokens become available.</summary>
    public long CostOf(long count) => count * _costOfOne;

    /// <summary>Returns how many tokens become available in a time. They must be as many as a number can hold.</summary>
    public int PaidBy(long time) => (int)(time / _costOfOne);

    /// <summary>Returns by how many tokens a bucket is in debt that will be full after a time; 0 if it is not.</summary>
    internal long DebtOf(long time) => time <= Capacity ? 0 : ((time - Capacity - 1) / _costOfOne) + 1;

    /// <summary>
    /// Returns the time that is worth as many tokens here as a time is worth under other options. Keeps parts of a token: limits that
    /// change often would otherwise lose all tokens of a low rate. Rounds down.
    /// </summary>
    internal long Convert(long time, TokenBucketOptions from)
    {
        var (quotient, remainder) = Int128.DivRem((Int128)time * _costOfOne, from._costOfOne);
        return (long)(remainder < 0 ? quotient - 1 : quotient);
    }

    /// <summary>Whether the other options have the same rate on the same clock.</summary>
    internal bool HasSameRate(TokenBucketOptions other) => (_costOfOne, _frequency) == (other._costOfOne, other._frequency);

    /// <summary>Converts a time on the clock, rounded up to 100 ns.</summary>
    public TimeSpan ToTimeSpan(long time)
    {
        var ticks = (((Int128)time * TimeSpan.TicksPerSecond) + _frequency - 1) / _frequency;
        return new TimeSpan((long)Int128.Min(ticks, TimeSpan.MaxValue.Ticks));
    }
}
