using GrpcPresence.Core.Errors;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// What one subject has used: a service instance, an API key or an end user. It may be kept for as long as one likes: <see cref="QuotaBook"/> drops
/// meters that are idle, and charges who comes with a dropped one to the meter that has taken its place. Safe from any thread.
/// </summary>
public sealed class Meter
{
    private const int Live = 1;
    private const int Dropped = 0;

    private readonly MeterPlan _plan;
    private RefusalThrottle? _refusals; // most subjects are never refused
    private int _state = Live;

    internal Meter(MeterKey key, MeterPlan plan)
    {
        Key = key;
        _plan = plan;
        Heartbeats = new RateQuota(plan.Heartbeats);
        Writes = new RateQuota(plan.Writes);
        NewStreams = new RateQuota(plan.NewStreams);
        OpenStreams = new LevelQuota(plan.Limits.OpenStreams);
        WatchedUsers = new LevelQuota(plan.Limits.WatchedUsers);
    }

    internal MeterKey Key { get; }

    internal RateQuota Heartbeats { get; }

    internal RateQuota Writes { get; }

    internal RateQuota NewStreams { get; }

    internal LevelQuota OpenStreams { get; }

    internal LevelQuota WatchedUsers { get; }

    /// <summary>What happens to refusals; made at the first.</summary>
    internal RefusalThrottle Refusals
    {
        get
        {
            if (Volatile.Read(ref _refusals) is { } made)
                return made;
            var added = new RefusalThrottle(_plan.PromptRefusals);
            return Interlocked.CompareExchange(ref _refusals, added, null) ?? added;
        }
    }

    /// <summary>
    /// Whether the meter counts. To be asked after something was taken: whoever is about to drop it says so first and looks for what was taken then, so
    /// that one of the two notices the other. Who keeps a meter asks for another when it does not.
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

    /// <summary>Says that the meter is about to be dropped; false when somebody else is at it.</summary>
    internal bool TryDrop() => Interlocked.CompareExchange(ref _state, Dropped, Live) == Live;

    /// <summary>The meter stays after all.</summary>
    internal void Keep() => Volatile.Write(ref _state, Live);

    /// <summary>The bucket of a rate.</summary>
    internal RateQuota RateOf(Quota quota) => quota switch
    {
        Quota.HeartbeatsPerSecond => Heartbeats,
        Quota.WritesPerSecond => Writes,
        Quota.NewStreamsPerSecond => NewStreams,
        _ => throw new ArgumentOutOfRangeException(nameof(quota), quota, "The quota is no rate."),
    };

    /// <summary>The refusal for want of a quota.</summary>
    internal PresenceException Refusal(Quota quota, TimeSpan retryAfter) => _plan.Refusal(quota, retryAfter);
}
