using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// What one subject has used: a service instance, an API key or an end user. It may be kept for as long as one likes: <see cref="QuotaLimiter"/> drops
/// counters that are idle, and charges who comes with a dropped one to the counters that has taken its place. Safe from any thread.
/// </summary>
public sealed class UsageCounters
{
    private const int Live = 1;
    private const int Dropped = 0;

    private readonly QuotaPolicy _policy;
    private RejectionThrottle? _refusals; // most subjects are never refused
    private int _state = Live;

    internal UsageCounters(QuotaKey key, QuotaPolicy policy)
    {
        Key = key;
        _policy = policy;
        Heartbeats = new TokenBucket(policy.Heartbeats);
        Writes = new TokenBucket(policy.Writes);
        NewStreams = new TokenBucket(policy.NewStreams);
        OpenStreams = new ConcurrencyLimit(policy.Quotas.OpenStreams);
        WatchedUsers = new ConcurrencyLimit(policy.Quotas.WatchedUsers);
    }

    internal QuotaKey Key { get; }

    internal TokenBucket Heartbeats { get; }

    internal TokenBucket Writes { get; }

    internal TokenBucket NewStreams { get; }

    internal ConcurrencyLimit OpenStreams { get; }

    internal ConcurrencyLimit WatchedUsers { get; }

    /// <summary>What happens to refusals; made at the first.</summary>
    internal RejectionThrottle Rejections
    {
        get
        {
            if (Volatile.Read(ref _refusals) is { } made)
                return made;
            var added = new RejectionThrottle(_policy.PromptRefusals);
            return Interlocked.CompareExchange(ref _refusals, added, null) ?? added;
        }
    }

    /// <summary>
    /// Whether the counters are in use. To be asked after something was taken: whoever is about to drop it says so first and looks for what
    /// was taken then, so that one of the two notices the other. Whoever keeps counters asks for others when they are not.
    /// </summary>
    public bool IsLive => Volatile.Read(ref _state) == Live;

    /// <summary>Whether nothing tells it from a new one.</summary>
    internal bool IsIdle(long now) =>
        OpenStreams.Level == 0
        && WatchedUsers.Level == 0
        && Heartbeats.IsFull(now)
        && Writes.IsFull(now)
        && NewStreams.IsFull(now)
        && (Volatile.Read(ref _refusals)?.IsIdle(now) ?? true);

    /// <summary>Says that the counters are about to be dropped; false when somebody else is at it.</summary>
    internal bool TryDrop() => Interlocked.CompareExchange(ref _state, Dropped, Live) == Live;

    /// <summary>The counters stay after all.</summary>
    internal void Keep() => Volatile.Write(ref _state, Live);

    /// <summary>The bucket of a rate.</summary>
    internal TokenBucket RateOf(Quota quota) => quota switch
    {
        Quota.HeartbeatsPerSecond => Heartbeats,
        Quota.WritesPerSecond => Writes,
        Quota.NewStreamsPerSecond => NewStreams,
        _ => throw new ArgumentOutOfRangeException(nameof(quota), quota, "The quota is no rate."),
    };

    /// <summary>The refusal for want of a quota.</summary>
    internal PresenceException Refusal(Quota quota, TimeSpan retryAfter) => _policy.Refusal(quota, retryAfter);
}
