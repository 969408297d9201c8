using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authentication;

namespace GrpcPresence.Server.Security.Quotas;

/// <summary>
/// Charges calls to the quotas of their service instance and of their caller. A service instance that does not exist, or that this process
/// has not loaded yet, is not charged. The call then loads it, or is rejected for another reason. Safe from any thread.
/// </summary>
internal sealed class CallQuotas(QuotaLimiter limiter, ServiceCache services)
{
    /// <summary>Charges a unary call.</summary>
    /// <exception cref="PresenceException">QuotaExceeded.</exception>
    public ValueTask ChargeAsync(CallCost cost, CallScope scope, CancellationToken cancellationToken)
    {
        if (cost == CallCost.Free)
            return default;
        var ofCaller = scope.Caller.CountersIn(limiter);
        var ofService = scope.FindTenant(services) is { } tenant ? limiter.OfServiceInstance(tenant.Id) : null;
        var (first, second) = ofService is null ? (ofCaller, null) : (ofService, ofCaller);
        if (first is null)
            return default;
        var share = limiter.WaitForShareAsync(first, second, cancellationToken);
        return share.IsCompletedSuccessfully
            ? ChargeSharedAsync(cost, ofService, ofCaller, cancellationToken)
            : ChargeLaterAsync(share, cost, ofService, ofCaller, cancellationToken);
    }

    // Not a local function: it would allocate what it captures for each call, also for those that do not wait.
    private async ValueTask ChargeLaterAsync(
        ValueTask share, CallCost cost, UsageCounters? ofService, UsageCounters? ofCaller, CancellationToken cancellationToken)
    {
        await share;
        await ChargeSharedAsync(cost, ofService, ofCaller, cancellationToken);
    }

    /// <summary>Charges a unary call when this node has its share of the quotas, or has waited for it in vain.</summary>
    private ValueTask ChargeSharedAsync(
        CallCost cost, UsageCounters? ofService, UsageCounters? ofCaller, CancellationToken cancellationToken)
    {
        if (cost == CallCost.Read)
            return ChargeReadAsync(ofService, ofCaller, cancellationToken);
        var (first, second) = ofService is null ? (ofCaller!, null) : (ofService, ofCaller);
        PresenceException? error;
        var isCharged = cost == CallCost.Heartbeat
            ? limiter.TryChargeHeartbeat(first, second, out error)
            : limiter.TryChargeWrite(first, second, out error);
        return isCharged ? default : RejectAsync(ofCaller ?? first, error!, cancellationToken);
    }

    private ValueTask ChargeReadAsync(UsageCounters? ofService, UsageCounters? ofCaller, CancellationToken cancellationToken)
    {
        var charge = limiter.ChargeReadAsync(ofService, ofCaller, Limits.RowsPerCall, Limits.MaxReadDelay, cancellationToken);
        var rejecting = (ofCaller ?? ofService)!;
        if (!charge.IsCompletedSuccessfully)
            return RejectLaterAsync(charge, rejecting, cancellationToken);
        return charge.Result is { } rejected ? RejectAsync(rejecting, rejected, cancellationToken) : default;
    }

    private async ValueTask RejectLaterAsync(
        ValueTask<PresenceException?> charge, UsageCounters counters, CancellationToken cancellationToken)
    {
        if (await charge is { } error)
            await RejectAsync(counters, error, cancellationToken);
    }

    /// <summary>Charges the rows that another node has read for a call, beyond those that each call is charged before it runs.</summary>
    public void SpendRows(CallScope scope, int rows) => limiter.SpendRows(
        scope.FindTenant(services) is { } tenant ? limiter.OfServiceInstance(tenant.Id) : null, scope.Caller.CountersIn(limiter), rows);

    /// <summary>Charges the caller for a stream whose service instance is not known yet.</summary>
    /// <exception cref="PresenceException">QuotaExceeded.</exception>
    public async ValueTask ChargeStreamAsync(Caller caller, CancellationToken cancellationToken)
    {
        if (caller.CountersIn(limiter) is not { } ofCaller)
            return;
        await limiter.WaitForShareAsync(service: null, ofCaller, cancellationToken);
        if (!limiter.TryChargeNewStream(ofCaller, null, out var error))
            await RejectAsync(ofCaller, error, cancellationToken);
    }

    /// <summary>
    /// Charges the service instance for a heartbeat stream whose caller was already charged. The stream counts as open until the result is
    /// disposed.
    /// </summary>
    /// <exception cref="PresenceException">QuotaExceeded.</exception>
    public async ValueTask<IDisposable> OpenHeartbeatsAsync(CachedService service, Caller caller, CancellationToken cancellationToken)
    {
        var ofService = limiter.OfServiceInstance(service.Id);
        await limiter.WaitForShareAsync(ofService, caller: null, cancellationToken);
        if (!limiter.TryChargeNewStream(ofService, null, out var error))
            await RejectAsync(caller.CountersIn(limiter) ?? ofService, error, cancellationToken);
        return await CountStreamAsync(ofService, caller, watchedUsers: 0, cancellationToken);
    }

    /// <summary>Charges the opening of a watch. The watch counts as open until the result is disposed.</summary>
    /// <exception cref="PresenceException">QuotaExceeded, ServiceInstanceNotFound, StorageUnavailable.</exception>
    public async ValueTask<IDisposable> OpenWatchAsync(
        ServiceSid sid, CallScope scope, int watchedUsers, CancellationToken cancellationToken)
    {
        var service = await scope.GetTenantAsync(sid, services, cancellationToken);
        var (ofService, ofCaller) = (limiter.OfServiceInstance(service.Id), scope.Caller.CountersIn(limiter));
        await limiter.WaitForShareAsync(ofService, ofCaller, cancellationToken);
        if (!limiter.TryChargeNewStream(ofService, ofCaller, out var error))
            await RejectAsync(ofCaller ?? ofService, error, cancellationToken);
        return await CountStreamAsync(ofService, scope.Caller, watchedUsers, cancellationToken);
    }

    /// <summary>Charges as many heartbeats of a stream's message as the quotas allow, and returns how many.</summary>
    public int ChargeHeartbeats(CachedService service, Caller caller, int count) =>
        limiter.ChargeHeartbeats(limiter.OfServiceInstance(service.Id), caller.CountersIn(limiter), count);

    /// <summary>
    /// Waits until a stream that exceeded its quota may continue. This slows down a client that does not slow down by itself.
    /// </summary>
    public ValueTask HoldAsync(CachedService service, Caller caller, CancellationToken cancellationToken) =>
        limiter.HoldRejectionAsync(caller.CountersIn(limiter) ?? limiter.OfServiceInstance(service.Id), cancellationToken);

    private async ValueTask<IDisposable> CountStreamAsync(UsageCounters ofService, Caller caller, int watchedUsers,
        CancellationToken cancellationToken)
    {
        var ofCaller = caller.CountersIn(limiter);
        if (!limiter.TryOpenStream(ofService, ofCaller, watchedUsers, out var open, out var error))
            await RejectAsync(ofCaller ?? ofService, error, cancellationToken);
        return open!;
    }

    private async ValueTask RejectAsync(UsageCounters counters, PresenceException error, CancellationToken cancellationToken)
    {
        await limiter.HoldRejectionAsync(counters, cancellationToken);
        throw error;
    }
}
