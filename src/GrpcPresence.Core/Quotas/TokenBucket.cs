namespace GrpcPresence.Core.Quotas;

/// <summary>
/// A token bucket, kept as the one moment at which it will be full again (the generic cell rate algorithm, ITU-T I.371): taking moves the
/// moment on, and time catches up with it. Nothing ticks, nothing is locked. Safe from any thread.
/// </summary>
/// <remarks>
/// System.Threading.RateLimiting is not used: it reads a clock of its own, which no test can move, and grants a request as a whole or not
/// at all. See docs/adr/0002-quotas.md.
/// </remarks>
/// <param name="limit">What it allows.</param>
public sealed class TokenBucket(TokenBucketOptions limit)
{
    private long _fullAt = long.MinValue; // on the caller's clock; whatever lies behind now is a full bucket

    /// <summary>
    /// Takes all or nothing. More than a burst can hold is taken when the bucket is full, into debt: so it is not put off for ever, and
    /// those who come after it wait until it is paid.
    /// </summary>
    /// <param name="count">How many; at least 1.</param>
    /// <param name="now">The present timestamp; an older one than was seen before makes no difference.</param>
    /// <param name="retryAfter">After which time it would have succeeded, if nobody else takes anything; zero when it did.</param>
    public bool TryTake(int count, long now, out TimeSpan retryAfter)
    {
        var cost = limit.CostOf(count);
        var room = limit.Capacity - Math.Min(cost, limit.Capacity);
        while (true)
        {
            var fullAt = Volatile.Read(ref _fullAt);
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

    /// <summary>Takes as many as there are, and returns how many: at most a burst.</summary>
    /// <param name="count">How many at the most.</param>
    /// <param name="now">The present timestamp.</param>
    public int Take(int count, long now)
    {
        while (true)
        {
            var fullAt = Volatile.Read(ref _fullAt);
            var from = Math.Max(fullAt, now);
            var granted = Math.Min(count, limit.PaidBy(Math.Max(limit.Capacity - (from - now), 0)));
            if (granted <= 0)
                return 0;
            if (Interlocked.CompareExchange(ref _fullAt, from + limit.CostOf(granted), fullAt) == fullAt)
                return granted;
        }
    }

    /// <summary>Gives back what was taken and not used.</summary>
    public void GiveBack(int count) => Interlocked.Add(ref _fullAt, -limit.CostOf(count));

    /// <summary>Whether a whole burst is there: as if nothing had ever been taken.</summary>
    public bool IsFull(long now) => Volatile.Read(ref _fullAt) <= now;
}
