using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// Counts what callers ask of one subject on this node. Only in a cluster. Safe from any thread, except for <see cref="Take"/>.
/// </summary>
/// <param name="frequency">Units of the clock in a second.</param>
/// <param name="now">The present timestamp.</param>
internal sealed class SubjectDemand(long frequency, long now)
{
    private readonly int[] _asked = new int[Enum.GetValues<Quota>().Max(quota => (int)quota) + 1];
    private readonly (int Count, long Until)[] _refused = new (int, long)[Enum.GetValues<Quota>().Max(quota => (int)quota) + 1];
    private long _takenAt = now;

    /// <summary>Counts tokens of a rate that a call asked for, or units of a level that it was refused.</summary>
    public void Count(Quota quota, int count)
    {
        ref var asked = ref _asked[(int)quota];
        if (Interlocked.Add(ref asked, count) < 0)
            Volatile.Write(ref asked, int.MaxValue / 2); // more than any limit can grant; the sum has overflowed
    }

    /// <summary>Returns the demand since the last call, and begins to count again.</summary>
    /// <param name="counters">The usage; null if no call has used the subject for a while.</param>
    /// <param name="now">The present timestamp.</param>
    public QuotaAmounts Take(UsageCounters? counters, long now)
    {
        var elapsed = Math.Max(now - _takenAt, (long)(frequency * Limits.Tick.TotalSeconds));
        _takenAt = now;
        return QuotaAmounts.Create(quota =>
        {
            var asked = Interlocked.Exchange(ref _asked[(int)quota], 0);
            return QuotaAmounts.Levels.Contains(quota)
                ? TakeLevel(quota, asked, counters, now)
                : TakeRate(quota, asked, elapsed, counters, now);
        });
    }

    /// <summary>Tokens a second. A debt counts as well: without a share for it, the node could not pay it.</summary>
    private int TakeRate(Quota rate, int asked, long elapsed, UsageCounters? counters, long now)
    {
        var perSecond = (Int128)asked * frequency / elapsed;
        return (int)Int128.Min(perSecond + (counters?.RateOf(rate).DebtAt(now) ?? 0), int.MaxValue);
    }

    /// <summary>
    /// What is used, and what was refused. A refusal counts until its client has tried again: otherwise the share would be gone by then.
    /// </summary>
    private int TakeLevel(Quota level, int refused, UsageCounters? counters, long now)
    {
        ref var kept = ref _refused[(int)level];
        if (refused >= kept.Count || now > kept.Until)
            kept = (refused, now + (long)(frequency * Limits.RefusedLevelDemand.TotalSeconds));
        return (int)Math.Min((long)(counters?.SharedLevelOf(level).Level ?? 0) + kept.Count, int.MaxValue);
    }
}
