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
    // Another limit replaces the level as a whole. A limit beside the time would not do: when it changes and changes back, the same time
    // may come back too, and a caller that read in between would pay at the rate of the other limit.
    private Level _level = new(limit, long.MinValue);

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
            var fullAt = Read(out var level, out var limit);
            var cost = limit.CostOf(count);
            var room = limit.Capacity - Math.Min(cost, limit.Capacity);
            var from = Math.Max(fullAt, now);
            if (from - now > room)
            {
                retryAfter = limit.ToTimeSpan(from - now - room);
                return false;
            }
            if (Interlocked.CompareExchange(ref level.FullAt, from + cost, fullAt) == fullAt)
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
            var fullAt = Read(out var level, out var limit);
            var from = Math.Max(fullAt, now);
            var granted = Math.Min(count, limit.PaidBy(Math.Max(limit.Capacity - (from - now), 0)));
            if (granted <= 0)
                return 0;
            if (Interlocked.CompareExchange(ref level.FullAt, from + limit.CostOf(granted), fullAt) == fullAt)
                return granted;
        }
    }

    /// <summary>Takes tokens whose number became known only after they were used. The bucket may go into debt.</summary>
    public void Spend(int count, long now)
    {
        while (true)
        {
            var fullAt = Read(out var level, out var limit);
            if (Interlocked.CompareExchange(ref level.FullAt, Math.Max(fullAt, now) + limit.CostOf(count), fullAt) == fullAt)
                return;
        }
    }

    /// <summary>Returns tokens that were taken but not used.</summary>
    public void GiveBack(int count)
    {
        while (true)
        {
            var fullAt = Read(out var level, out var limit);
            if (Interlocked.CompareExchange(ref level.FullAt, fullAt - limit.CostOf(count), fullAt) == fullAt)
                return;
        }
    }

    /// <summary>Whether a whole burst is available, as in the initial state.</summary>
    public bool IsFull(long now) => Read(out _, out _) <= now;

    /// <summary>Returns how many tokens callers have taken in advance; 0 without a debt.</summary>
    public long DebtAt(long now)
    {
        var fullAt = Read(out _, out var limit);
        return fullAt <= now ? 0 : limit.DebtOf(fullAt - now);
    }

    /// <summary>Adds tokens that were taken from another bucket, up to a burst.</summary>
    /// <param name="count">How many; 0 or more.</param>
    /// <param name="now">The present timestamp.</param>
    public void Add(int count, long now)
    {
        while (true)
        {
            var fullAt = Read(out var level, out var limit);
            // A full bucket may name any time of the past, from which no cost must be subtracted.
            if (fullAt <= now
                || Interlocked.CompareExchange(ref level.FullAt, Math.Max(fullAt - limit.CostOf(count), now), fullAt) == fullAt)
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
        var (level, before) = (_level, _level.Limit);
        if (limit.HasSameRate(before))
            return 0;
        var fullAt = Interlocked.Exchange(ref level.FullAt, Level.Replaced);
        var paid = limit.Convert(before.Capacity - (Math.Max(fullAt, now) - now), before);
        Volatile.Write(ref _level, new Level(limit, now + limit.Capacity - Math.Min(paid, limit.Capacity)));
        return limit.PaidBy(Math.Max(paid - limit.Capacity, 0));
    }

    /// <summary>Returns when the bucket is full, of a level that was not replaced at that moment.</summary>
    private long Read(out Level level, out TokenBucketOptions limit)
    {
        level = Volatile.Read(ref _level);
        var fullAt = Volatile.Read(ref level.FullAt);
        if (fullAt == Level.Replaced)
        {
            var spin = default(SpinWait);
            do
            {
                spin.SpinOnce();
                level = Volatile.Read(ref _level);
                fullAt = Volatile.Read(ref level.FullAt);
            }
            while (fullAt == Level.Replaced);
        }
        limit = level.Limit;
        return fullAt;
    }

    /// <summary>How full the bucket is under one limit.</summary>
    private sealed class Level(TokenBucketOptions limit, long fullAt)
    {
        /// <summary>In place of the time: no token is taken under this limit any more. Never taken back.</summary>
        public const long Replaced = long.MaxValue;

        /// <summary>When it is full, on the caller's clock; any time before now means a full bucket.</summary>
        public long FullAt = fullAt;

        public TokenBucketOptions Limit { get; } = limit;
    }
}
