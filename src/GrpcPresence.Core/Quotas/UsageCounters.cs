using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// The usage of one subject: a service instance, an API key or an end user. It may be kept without limit: <see cref="QuotaLimiter"/> drops
/// idle counters, and charges a caller that comes with dropped ones to the counters that replaced them. Safe from any thread.
/// </summary>
public sealed class UsageCounters
{
    private const int Live = 1;
    private const int Dropped = 0;

    private readonly QuotaPolicy _policy;
    private RejectionThrottle? _rejections; // most subjects are never rejected
    private int _state = Live;

    internal UsageCounters(QuotaKey key, QuotaPolicy policy)
    {
        Key = key;
        _policy = policy;
        Heartbeats = new TokenBucket(policy.Heartbeats);
        Writes = new TokenBucket(policy.Writes);
        NewStreams = new TokenBucket(policy.NewStreams);
        RowsRead = new TokenBucket(policy.RowsRead);
        Inflated = new TokenBucket(policy.Inflated);
        OpenStreams = new ConcurrencyLimit(policy.Quotas.OpenStreams);
        WatchedUsers = new ConcurrencyLimit(policy.Quotas.WatchedUsers);
        ConcurrentReads = new ConcurrencyLimit(policy.Quotas.ConcurrentReads);
        UnreadResponseBytes = new ConcurrencyLimit(policy.Quotas.UnreadResponseBytes);
        OpenRequests = new ConcurrencyLimit(policy.Quotas.OpenRequests);
    }

    internal QuotaKey Key { get; }

    /// <summary>Counts what callers ask for; null without a cluster, or if nodes do not share the subject's quotas.</summary>
    internal SubjectDemand? Demand { get; set; }

    internal TokenBucket Heartbeats { get; }

    internal TokenBucket Writes { get; }

    internal TokenBucket NewStreams { get; }

    internal TokenBucket RowsRead { get; }

    internal TokenBucket Inflated { get; }

    internal ConcurrencyLimit OpenStreams { get; }

    internal ConcurrencyLimit WatchedUsers { get; }

    internal ConcurrencyLimit ConcurrentReads { get; }

    internal ConcurrencyLimit UnreadResponseBytes { get; }

    internal ConcurrencyLimit OpenRequests { get; }

    /// <summary>The throttle of rejections, created at the first.</summary>
    internal RejectionThrottle Rejections
    {
        get
        {
            if (Volatile.Read(ref _rejections) is { } made)
                return made;
            var added = new RejectionThrottle(_policy.PromptRejections);
            return Interlocked.CompareExchange(ref _rejections, added, null) ?? added;
        }
    }

    /// <summary>
    /// Whether the counters are in use. Check it after taking something. A sweep announces that it will drop the counters and then looks
    /// for what was taken, so that one of the two notices the other. If the counters are not in use, the caller must get others.
    /// </summary>
    public bool IsLive => Volatile.Read(ref _state) == Live;

    /// <summary>Whether the counters equal new ones.</summary>
    internal bool IsIdle(long now) =>
        OpenStreams.Level == 0
        && WatchedUsers.Level == 0
        && ConcurrentReads.Level == 0
        && UnreadResponseBytes.Level == 0
        && OpenRequests.Level == 0
        && Heartbeats.IsFull(now)
        && Writes.IsFull(now)
        && NewStreams.IsFull(now)
        && RowsRead.IsFull(now)
        && Inflated.IsFull(now)
        && (Volatile.Read(ref _rejections)?.IsIdle(now) ?? true);

    /// <summary>Announces that the counters are about to be dropped; returns false if another sweep has announced it.</summary>
    internal bool TryDrop() => Interlocked.CompareExchange(ref _state, Dropped, Live) == Live;

    /// <summary>Keeps the counters after all.</summary>
    internal void Keep() => Volatile.Write(ref _state, Live);

    /// <summary>Returns the bucket of a rate.</summary>
    internal TokenBucket RateOf(Quota quota) => quota switch
    {
        Quota.HeartbeatsPerSecond => Heartbeats,
        Quota.WritesPerSecond => Writes,
        Quota.NewStreamsPerSecond => NewStreams,
        Quota.RowsReadPerSecond => RowsRead,
        Quota.InflatedKibPerSecond => Inflated,
        _ => throw new ArgumentOutOfRangeException(nameof(quota), quota, "The quota is not a rate."),
    };

    /// <summary>Returns the level of a quota that reads hold and give back.</summary>
    internal ConcurrencyLimit LevelOf(Quota quota) => quota switch
    {
        Quota.ConcurrentReads => ConcurrentReads,
        Quota.UnreadResponseBytes => UnreadResponseBytes,
        Quota.OpenRequests => OpenRequests,
        _ => throw new ArgumentOutOfRangeException(nameof(quota), quota, "Reads do not hold the quota."),
    };

    /// <summary>Returns the level of a quota that nodes share.</summary>
    internal ConcurrencyLimit SharedLevelOf(Quota quota) => quota switch
    {
        Quota.OpenStreams => OpenStreams,
        Quota.WatchedUsers => WatchedUsers,
        _ => throw new ArgumentOutOfRangeException(nameof(quota), quota, "Nodes do not share the level."),
    };

    /// <summary>
    /// Makes the share of this node its limits. Errors still name the limits of the whole. Returns the tokens that the node has had and
    /// that the share has no room for.
    /// </summary>
    internal QuotaAmounts SetShare(QuotaAmounts share, long now)
    {
        foreach (var level in QuotaAmounts.Levels)
            SharedLevelOf(level).SetLimit(share[level]);
        return QuotaAmounts.OfRates(rate => RateOf(rate).SetLimit(_policy.OfShare(share[rate]), now));
    }

    /// <summary>Adds tokens that other nodes have returned.</summary>
    internal void AddTokens(QuotaAmounts tokens, long now)
    {
        foreach (var rate in QuotaAmounts.Rates)
            RateOf(rate).Add(tokens[rate], now);
    }

    /// <summary>Returns the error for an exceeded quota.</summary>
    internal PresenceException CreateError(Quota quota, TimeSpan retryAfter) => _policy.CreateError(quota, retryAfter);
}
