namespace GrpcPresence.Core.Quotas;

/// <summary>
/// A token bucket, stored as the moment at which it will be full again (the generic cell rate algorithm, ITU-T I.371): taking a token moves
/// the moment into the future, and time catches up with it. Needs no timer and no lock. Safe from any thread.
/// </summary>
/// <remarks>
/// System.Threading.RateLimiting is not used: it reads its own clock, which no test can advance, and grants a request as a whole or not at
/// all. See docs/adr/0002-quotas.md.
/// </remarks>
/// <param name="limit">The limits.</param>
public sealed class TokenBucket(TokenBucketOptions limit)
{
    private const long Changing = long.MaxValue; // in place of the time while another limit is set

    // Read after _fullAt, and written while that is Changing. So a compare-and-swap of _fullAt succeeds only under the limit that was read.
    private TokenBucketOptions _limit = limit;
    private long _fullAt = long.MinValue; // on the caller's clock; any time before now means a full bucket

    /// <summary>
    /// Takes all or nothing. A request for more than a burst is granted when the bucket is full, and puts it into debt. So it is not
    /// delayed without limit, and later requests wait until the debt is paid.
    /// </summary>
    /// <param name="count">How many; at least 1.</param>
    /// <param name="now">The present timestamp. An older one than before changes nothing.</param>
    /// <param name="retryAfter">The time after which it would succeed if no other caller takes a token; zero if it succeeded.</param>
    public bool TryTake(int count, long now, out TimeSpan retryAfter)
    {
        while (true)
        {
            var fullAt = Read(out var limit);
            var cost = limit.CostOf(count);
            var room = limit.Capacity - Math.Min(cost, limit.Capacity);
            var from = Math.Max(fullAt, now);
            if (from - now > room)
            {
                retryAfter = limit.ToTimeSpan(from - now - room);
                return false;
            }
            if (Interlocked.CompareExchange(ref _fullAt, from + cost, fullAt) == fullAt)
            {
                retryAfter = TimeSpan.Zero;
                return true;
            }
        }
    }

    /// <summary>Takes the available tokens and returns how many: at most a burst.</summary>
    /// <param name="count">The maximum.</param>
    /// <param name="now">The present timestamp.</param>
    public int Take(int count, long now)
    {
        while (true)
        {
            var fullAt = Read(out var limit);
            var from = Math.Max(fullAt, now);
            var granted = Math.Min(count, limit.PaidBy(Math.Max(limit.Capacity - (from - now), 0)));
            if (granted <= 0)
                return 0;
            if (Interlocked.CompareExchange(ref _fullAt, from + limit.CostOf(granted), fullAt) == fullAt)
                return granted;
        }
    }

    /// <summary>Takes tokens whose number became known only after they were used. The bucket may go into debt.</summary>
    public void Spend(int count, long now)
    {
        while (true)
        {
            var fullAt = Read(out var limit);
            if (Interlocked.CompareExchange(ref _fullAt, Math.Max(fullAt, now) + limit.CostOf(count), fullAt) == fullAt)
                return;
        }
    }

    /// <summary>Returns tokens that were taken but not used.</summary>
    public void GiveBack(int count)
    {
        while (true)
        {
            var fullAt = Read(out var limit);
            if (Interlocked.CompareExchange(ref _fullAt, fullAt - limit.CostOf(count), fullAt) == fullAt)
                return;
        }
    }

    /// <summary>Whether a whole burst is available, as in the initial state.</summary>
    public bool IsFull(long now) => Volatile.Read(ref _fullAt) <= now;

    /// <summary>Returns how many tokens callers have taken in advance; 0 without a debt.</summary>
    public long DebtAt(long now)
    {
        var fullAt = Read(out var limit);
        return fullAt <= now ? 0 : limit.DebtOf(fullAt - now);
    }

    /// <summary>Adds tokens that were taken from another bucket, up to a burst.</summary>
    /// <param name="count">How many; 0 or more.</param>
    /// <param name="now">The present timestamp.</param>
    public void Add(int count, long now)
    {
        while (true)
        {
            var fullAt = Read(out var limit);
            // A full bucket may name any time of the past, from which no cost must be subtracted.
            if (fullAt <= now
                || Interlocked.CompareExchange(ref _fullAt, Math.Max(fullAt - limit.CostOf(count), now), fullAt) == fullAt)
            {
                return;
            }
        }
    }

    /// <summary>
    /// Sets another limit. The bucket keeps its tokens, up to the new burst, and its debt: a greater limit makes it fill faster, and adds
    /// no tokens by itself. Returns how many tokens it has lost, because they were above the new burst. Not for two threads at the same
    /// time.
    /// </summary>
    public int SetLimit(TokenBucketOptions limit, long now)
    {
        var before = _limit;
        if (limit.HasSameRate(before))
            return 0;
        var fullAt = Interlocked.Exchange(ref _fullAt, Changing);
        var paid = limit.Convert(before.Capacity - (Math.Max(fullAt, now) - now), before);
        _limit = limit;
        Volatile.Write(ref _fullAt, now + limit.Capacity - Math.Min(paid, limit.Capacity));
        return limit.PaidBy(Math.Max(paid - limit.Capacity, 0));
    }

    private long Read(out TokenBucketOptions limit)
    {
        var fullAt = Volatile.Read(ref _fullAt);
        if (fullAt == Changing)
        {
            var spin = default(SpinWait);
            while ((fullAt = Volatile.Read(ref _fullAt)) == Changing)
                spin.SpinOnce();
        }
        limit = _limit;
        return fullAt;
    }
}
