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
    private long _usedAt = now;
    private FirstShare? _firstShare = FirstShare.From(now);

    /// <summary>
    /// Completes when the node has got its first share of the subject; null if it has one, or if calls have waited for it in vain. Safe
    /// from any thread.
    /// </summary>
    public FirstShare? FirstShare => Volatile.Read(ref _firstShare);

    /// <summary>Whether a call has used the subject within <see cref="Limits.IdleQuotaShare"/>. Safe from any thread.</summary>
    public bool IsRecent(long now) =>
        now - Volatile.Read(ref _usedAt) < frequency * Limits.IdleQuotaShare.TotalSeconds || _asked.AsSpan().ContainsAnyExcept(0);

    /// <summary>The node has no share any more, so calls wait for another one.</summary>
    public void AwaitShare(long now) => Volatile.Write(ref _firstShare, FirstShare.From(now));

    /// <summary>The node has got its share, or calls have waited for it long enough.</summary>
    public void EndWait() => Interlocked.Exchange(ref _firstShare, null)?.Come.TrySetResult();

    /// <summary>Notes that a call uses the subject.</summary>
    public void NoteUse(long now) => Volatile.Write(ref _usedAt, now);

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
            if (asked > 0)
                NoteUse(now);
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
        var used = counters?.SharedLevelOf(level).Level ?? 0;
        if (used > 0)
            NoteUse(now);
        ref var kept = ref _refused[(int)level];
        if (refused >= kept.Count || now > kept.Until)
            kept = (refused, now + (long)(frequency * Limits.RefusedLevelDemand.TotalSeconds));
        return (int)Math.Min((long)used + kept.Count, int.MaxValue);
    }
}

/// <summary>The first share of a subject, which a node has asked for.</summary>
/// <param name="Come">Completes when the node has got it, or when nobody waits for it any more.</param>
/// <param name="Since">When the node asked for it.</param>
internal sealed record FirstShare(TaskCompletionSource Come, long Since)
{
    public static FirstShare From(long now) => new(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), now);
}
