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
        CountDemand(Quota.HeartbeatsPerSecond, service, caller, count);
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

    /// <summary>
    /// Charges the first rows of a read, and returns null, or the error. The rest is charged by <see cref="SpendRows"/> once it is known. A
    /// read over the quota waits: a client that reads one page after the other becomes slower, and only one that reads much at once is
    /// rejected.
    /// </summary>
    /// <param name="service">The service instance's counters; null if the call concerns none.</param>
    /// <param name="caller">The caller's counters, or null.</param>
    /// <param name="rows">The rows that are charged in any case.</param>
    /// <param name="patience">The maximum duration of the wait.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    public ValueTask<PresenceException?> ChargeReadAsync(
        UsageCounters? service, UsageCounters? caller, int rows, TimeSpan patience, CancellationToken cancellationToken)
    {
        CountDemand(Quota.RowsReadPerSecond, service, caller, rows); // once, however often the read waits
        var delay = TryTakeRows(service, caller, rows, patience, out var error);
        return delay == TimeSpan.Zero ? new(error) : WaitForRowsAsync(service, caller, rows, delay, patience, cancellationToken);
    }

    /// <summary>Charges rows that were read.</summary>
    public void SpendRows(UsageCounters? service, UsageCounters? caller, int rows)
    {
        if (rows <= 0)
            return;
        CountDemand(Quota.RowsReadPerSecond, service, caller, rows);
        var now = _time.GetTimestamp();
        if (caller is not null)
            Present(caller).RowsRead.Spend(rows, now);
        if (service is not null)
            Present(service).RowsRead.Spend(rows, now);
    }

    /// <summary>
    /// Charges the first KiB of a compressed message before it is inflated. <see cref="SpendInflated"/> charges the rest once it is known.
    /// </summary>
    public bool TryBeginInflating(UsageCounters service, UsageCounters? caller, [NotNullWhen(false)] out PresenceException? error) =>
        TryCharge(Quota.InflatedKibPerSecond, service, caller, out error);

    /// <summary>Charges KiB to which a message was inflated.</summary>
    public void SpendInflated(UsageCounters service, UsageCounters? caller, int kib)
    {
        if (kib <= 0)
            return;
        var now = _time.GetTimestamp();
        Present(service).Inflated.Spend(kib, now);
        if (caller is not null)
            Present(caller).Inflated.Spend(kib, now);
    }

    /// <summary>Counts a read as in progress, until the lease is disposed of.</summary>
    public bool TryBeginRead(
        UsageCounters? service,
        UsageCounters? caller,
        [NotNullWhen(true)] out IDisposable? lease,
        [NotNullWhen(false)] out PresenceException? error) =>
        TryHold(Quota.ConcurrentReads, 1, service, caller, out lease, out error);

    /// <summary>Counts a call of the caller as open, until the lease is disposed of.</summary>
    public bool TryOpenCall(
        UsageCounters caller, [NotNullWhen(true)] out IDisposable? lease, [NotNullWhen(false)] out PresenceException? error) =>
        TryHold(Quota.OpenRequests, 1, service: null, caller, out lease, out error);

    /// <summary>Counts the bytes of a response as unread, until the lease is disposed of.</summary>
    public bool TryHoldResponse(
        int bytes,
        UsageCounters? service,
        UsageCounters? caller,
        [NotNullWhen(true)] out IDisposable? lease,
        [NotNullWhen(false)] out PresenceException? error) =>
        TryHold(Quota.UnreadResponseBytes, bytes, service, caller, out lease, out error);

    private bool TryHold(
        Quota quota,
        int count,
        UsageCounters? service,
        UsageCounters? caller,
        [NotNullWhen(true)] out IDisposable? lease,
        [NotNullWhen(false)] out PresenceException? error)
    {
        lease = null;
        error = caller is null ? null : AddLevel(ref caller, quota, count);
        if (error is not null)
            return false;
        error = service is null ? null : AddLevel(ref service, quota, count);
        if (error is null)
        {
            lease = new LevelLease(service, caller, quota, count);
            return true;
        }
        caller?.LevelOf(quota).Remove(count);
        return false;
    }

    /// <summary>
    /// Takes rows. Returns zero if they were taken, or with the error if the wait would exceed the patience; otherwise the time to wait.
    /// </summary>
    private TimeSpan TryTakeRows(
        UsageCounters? service, UsageCounters? caller, int rows, TimeSpan patience, out PresenceException? error)
    {
        const Quota Rate = Quota.RowsReadPerSecond;
        var now = _time.GetTimestamp();
        error = null;
        var delay = TimeSpan.Zero;
        if (caller is not null && !TryTake(ref caller, Rate, rows, now, out delay))
        {
            error = delay > patience ? Reject(caller, Rate, delay) : null;
        }
        else if (service is not null && !TryTake(ref service, Rate, rows, now, out delay))
        {
            caller?.RowsRead.GiveBack(rows);
            error = delay > patience ? Reject(service, Rate, delay) : null;
        }
        return error is null ? delay : TimeSpan.Zero;
    }

    private async ValueTask<PresenceException?> WaitForRowsAsync(
        UsageCounters? service,
        UsageCounters? caller,
        int rows,
        TimeSpan delay,
        TimeSpan patience,
        CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        PresenceException? error = null;
        while (delay > TimeSpan.Zero)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(delay.TotalMilliseconds)), _time, cancellationToken)
                .ConfigureAwait(false);
            // Reads that waited together take their rows one after the other, so that the last of them may have to wait again.
            var left = patience == TimeSpan.MaxValue ? patience : patience - _time.GetElapsedTime(began);
            delay = TryTakeRows(service, caller, rows, left, out error);
        }
        return error;
    }

    private PresenceException? AddLevel(ref UsageCounters counters, Quota quota, int count)
    {
        while (true)
        {
            var isAdded = counters.LevelOf(quota).TryAdd(count);
            if (counters.IsLive)
                return isAdded ? null : Reject(counters, quota, Limits.MaxReadDelay);
            if (isAdded)
                counters.LevelOf(quota).Remove(count);
            counters = Present(counters);
        }
    }

    private bool TryCharge(Quota rate, UsageCounters service, UsageCounters? caller, [NotNullWhen(false)] out PresenceException? error)
    {
        if (rate != Quota.InflatedKibPerSecond)
            CountDemand(rate, service, caller, 1);
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
    private PresenceException? Take(ref UsageCounters counters, Quota rate, long now) =>
        TryTake(ref counters, rate, count: 1, now, out var retryAfter) ? null : Reject(counters, rate, retryAfter);

    /// <summary>Takes tokens of a rate. Replaces dropped counters with the charged ones.</summary>
    private bool TryTake(ref UsageCounters counters, Quota rate, int count, long now, out TimeSpan retryAfter)
    {
        while (true)
        {
            var isTaken = counters.RateOf(rate).TryTake(count, now, out retryAfter);
            if (counters.IsLive)
                return isTaken;
            if (isTaken)
                counters.RateOf(rate).GiveBack(count);
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
                {
                    counters.Demand?.Count(Quota.OpenStreams, 1);
                    return Reject(counters, Quota.OpenStreams, Limits.LevelQuotaRetry);
                }
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
        counters.Demand?.Count(Quota.WatchedUsers, watchedUsers);
        return Reject(counters, Quota.WatchedUsers, Limits.LevelQuotaRetry);
    }

    /// <summary>Counts tokens that a call asks for, whether it gets them or not. The nodes of a cluster share quotas by it.</summary>
    private static void CountDemand(Quota rate, UsageCounters? service, UsageCounters? caller, int count)
    {
        service?.Demand?.Count(rate, count);
        caller?.Demand?.Count(rate, count);
    }

    private PresenceException Reject(UsageCounters counters, Quota quota, TimeSpan retryAfter)
    {
        _metrics.QuotaRejected(QuotaNames.Of(quota));
        return counters.CreateError(quota, retryAfter);
    }
}
