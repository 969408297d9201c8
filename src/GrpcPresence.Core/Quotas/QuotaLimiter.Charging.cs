using System.Diagnostics.CodeAnalysis;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Quotas;

/// <content>
/// Charges usage to a service instance and a caller. Without a caller, only the service instance is charged. The caller's own quota is
/// checked first, so that a caller that has used it up takes nothing from the others, not even for a moment. The methods return
/// QuotaExceeded and do not throw it, because the error may have to be delayed first: see <see cref="HoldRejectionAsync"/>.
/// </content>
public sealed partial class QuotaLimiter
{
    /// <summary>Charges one heartbeat. Allocates nothing unless it is rejected.</summary>
    public bool TryChargeHeartbeat(UsageCounters service, UsageCounters? caller, [NotNullWhen(false)] out PresenceException? error) =>
        TryCharge(Quota.HeartbeatsPerSecond, service, caller, out error);

    /// <summary>
    /// Charges as many heartbeats as possible, and returns how many: the first ones of a message count. Allocates nothing.
    /// </summary>
    /// <param name="service">The service instance's counters.</param>
    /// <param name="caller">The caller's counters, or null.</param>
    /// <param name="count">The number of heartbeats.</param>
    public int ChargeHeartbeats(UsageCounters service, UsageCounters? caller, int count)
    {
        var now = _time.GetTimestamp();
        var ofCaller = caller is null ? count : Take(ref caller, Quota.HeartbeatsPerSecond, count, now);
        var granted = Take(ref service, Quota.HeartbeatsPerSecond, ofCaller, now);
        if (granted < ofCaller)
            caller?.Heartbeats.GiveBack(ofCaller - granted);
        if (granted < count)
            _metrics.QuotaRejected(QuotaNames.Of(Quota.HeartbeatsPerSecond), count - granted);
        return granted;
    }

    /// <summary>Charges one call that changes what is stored.</summary>
    public bool TryChargeWrite(UsageCounters service, UsageCounters? caller, [NotNullWhen(false)] out PresenceException? error) =>
        TryCharge(Quota.WritesPerSecond, service, caller, out error);

    /// <summary>Charges the opening of a stream.</summary>
    public bool TryChargeNewStream(UsageCounters service, UsageCounters? caller, [NotNullWhen(false)] out PresenceException? error) =>
        TryCharge(Quota.NewStreamsPerSecond, service, caller, out error);

    /// <summary>
    /// Opens a watch or heartbeat stream within the limits. <see cref="TryChargeNewStream"/> charges its opening separately.
    /// </summary>
    /// <param name="service">The service instance's counters.</param>
    /// <param name="caller">The caller's counters, or null.</param>
    /// <param name="watchedUsers">The number of users that the watch names; 0 if it watches all.</param>
    /// <param name="lease">The lease of the stream, to be disposed of when the stream ends.</param>
    /// <param name="error">The error if a limit is reached.</param>
    public bool TryOpenStream(
        UsageCounters service,
        UsageCounters? caller,
        int watchedUsers,
        [NotNullWhen(true)] out IDisposable? lease,
        [NotNullWhen(false)] out PresenceException? error)
    {
        lease = null;
        error = caller is null ? null : AddWatch(ref caller, watchedUsers);
        if (error is not null)
            return false;
        error = AddWatch(ref service, watchedUsers);
        if (error is null)
        {
            lease = new StreamLease(service, caller, watchedUsers);
            return true;
        }
        if (caller is not null)
            StreamLease.Release(caller, watchedUsers);
        return false;
    }

    private bool TryCharge(Quota rate, UsageCounters service, UsageCounters? caller, [NotNullWhen(false)] out PresenceException? error)
    {
        var now = _time.GetTimestamp();
        error = caller is null ? null : Take(ref caller, rate, now);
        if (error is not null)
            return false;
        error = Take(ref service, rate, now);
        if (error is null)
            return true;
        caller?.RateOf(rate).GiveBack(1);
        return false;
    }

    /// <summary>Takes one token of a rate; returns the error, or null. Replaces dropped counters with the charged ones.</summary>
    private PresenceException? Take(ref UsageCounters counters, Quota rate, long now)
    {
        while (true)
        {
            var isTaken = counters.RateOf(rate).TryTake(1, now, out var retryAfter);
            if (counters.IsLive)
                return isTaken ? null : Reject(counters, rate, retryAfter);
            if (isTaken)
                counters.RateOf(rate).GiveBack(1);
            counters = Present(counters);
        }
    }

    /// <summary>Takes the available tokens of a rate; returns how many. Replaces dropped counters with the charged ones.</summary>
    private int Take(ref UsageCounters counters, Quota rate, int count, long now)
    {
        while (true)
        {
            var granted = counters.RateOf(rate).Take(count, now);
            if (counters.IsLive)
                return granted;
            counters.RateOf(rate).GiveBack(granted);
            counters = Present(counters);
        }
    }

    /// <summary>Adds a stream; returns the error, or null. Replaces dropped counters with the charged ones.</summary>
    private PresenceException? AddWatch(ref UsageCounters counters, int watchedUsers)
    {
        while (true)
        {
            var isAdded = counters.OpenStreams.TryAdd(1);
            if (counters.IsLive)
            {
                if (!isAdded)
                    return Reject(counters, Quota.OpenStreams, Limits.LevelQuotaRetry);
                break;
            }
            if (isAdded)
                counters.OpenStreams.Remove(1);
            counters = Present(counters);
        }
        // Counters with an open stream are not idle, so a sweep no longer drops them.
        if (counters.WatchedUsers.TryAdd(watchedUsers))
            return null;
        counters.OpenStreams.Remove(1);
        return Reject(counters, Quota.WatchedUsers, Limits.LevelQuotaRetry);
    }

    private PresenceException Reject(UsageCounters counters, Quota quota, TimeSpan retryAfter)
    {
        _metrics.QuotaRejected(QuotaNames.Of(quota));
        return counters.CreateError(quota, retryAfter);
    }
}
