using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authentication;

namespace GrpcPresence.Server.Security.Quotas;

/// <summary>
/// Charges calls to the quotas of their service instance and of their caller. A service instance that this process has not met yet, or that does not exist,
/// is not charged: the call finds it, or is refused for another reason. Safe from any thread.
/// </summary>
internal sealed class CallQuotas(QuotaLimiter book, ServiceCache services)
{
    private readonly ConcurrencyLimit _publicStreams = new(Limits.PublicStreams);

    /// <summary>Charges a unary call.</summary>
    /// <param name="cost">What it takes.</param>
    /// <param name="caller">Who calls.</param>
    /// <param name="service">The SID of the service instance, as it stands in the request; null for none.</param>
    /// <param name="cancellationToken">The end of the call.</param>
    /// <exception cref="PresenceException">QuotaExceeded.</exception>
    public ValueTask ChargeAsync(CallCost cost, Caller caller, string? service, CancellationToken cancellationToken)
    {
        if (cost == CallCost.Free)
            return default;
        var own = caller.MeterIn(book);
        var ofService = ServiceSid.TryParse(service, out var sid) && services.FindCached(sid) is { } met ? book.OfServiceInstance(met.Id) : null;
        // One of them may be all there is.
        var (first, second) = ofService is null ? (own, null) : (ofService, own);
        if (first is null)
            return default;
        PresenceException? refusal;
        var isCharged = cost == CallCost.Heartbeat
            ? book.TryChargeHeartbeat(first, second, out refusal)
            : book.TryChargeWrite(first, second, out refusal);
        return isCharged ? default : RefuseAsync(own ?? first, refusal!, cancellationToken);
    }

    /// <summary>Charges the caller for a stream whose service instance is not known yet.</summary>
    /// <exception cref="PresenceException">QuotaExceeded.</exception>
    public async ValueTask ChargeStreamAsync(Caller caller, CancellationToken cancellationToken)
    {
        if (caller.MeterIn(book) is { } own && !book.TryChargeNewStream(own, null, out var refusal))
            await RefuseAsync(own, refusal, cancellationToken);
    }

    /// <summary>Charges the service instance for a stream of heartbeats, whose caller was charged, and takes its place until what is returned is disposed of.</summary>
    /// <exception cref="PresenceException">QuotaExceeded.</exception>
    public async ValueTask<IDisposable> OpenHeartbeatsAsync(CachedService service, Caller caller, CancellationToken cancellationToken)
    {
        var ofService = book.OfServiceInstance(service.Id);
        if (!book.TryChargeNewStream(ofService, null, out var refusal))
            await RefuseAsync(caller.MeterIn(book) ?? ofService, refusal, cancellationToken);
        return await TakePlaceAsync(ofService, caller, watchedUsers: 0, cancellationToken);
    }

    /// <summary>Charges the opening of a watch, and takes its place until what is returned is disposed of.</summary>
    /// <exception cref="PresenceException">QuotaExceeded; ServiceInstanceNotFound, StorageUnavailable.</exception>
    public async ValueTask<IDisposable> OpenWatchAsync(ServiceSid sid, Caller caller, int watchedUsers, CancellationToken cancellationToken)
    {
        var service = await services.GetAsync(sid, cancellationToken);
        var (ofService, own) = (book.OfServiceInstance(service.Id), caller.MeterIn(book));
        if (!book.TryChargeNewStream(ofService, own, out var refusal))
            await RefuseAsync(own ?? ofService, refusal, cancellationToken);
        return await TakePlaceAsync(ofService, caller, watchedUsers, cancellationToken);
    }

    /// <summary>Takes the place of a stream for which nobody is charged, until what is returned is disposed of.</summary>
    /// <exception cref="PresenceException">QuotaExceeded.</exception>
    public IDisposable OpenPublicStream() => _publicStreams.TryAdd(1)
        ? new PublicPlace(_publicStreams)
        : throw PresenceErrors.QuotaExceeded(Quota.OpenStreams, QuotaSubject.Caller, Limits.PublicStreams, Limits.LevelQuotaRetry);

    /// <summary>Charges as many heartbeats of a stream's message as there is room for, and returns how many.</summary>
    public int ChargeHeartbeats(CachedService service, Caller caller, int count) =>
        book.ChargeHeartbeats(book.OfServiceInstance(service.Id), caller.MeterIn(book), count);

    /// <summary>Returns when a stream that was over its quota may go on: a client that does not slow down is slowed down.</summary>
    public ValueTask HoldAsync(CachedService service, Caller caller, CancellationToken cancellationToken) =>
        book.HoldRefusalAsync(caller.MeterIn(book) ?? book.OfServiceInstance(service.Id), cancellationToken);

    private async ValueTask<IDisposable> TakePlaceAsync(UsageCounters ofService, Caller caller, int watchedUsers, CancellationToken cancellationToken)
    {
        var own = caller.MeterIn(book);
        if (!book.TryOpenStream(ofService, own, watchedUsers, out var place, out var refusal))
            await RefuseAsync(own ?? ofService, refusal, cancellationToken);
        return place!;
    }

    private async ValueTask RefuseAsync(UsageCounters meter, PresenceException refusal, CancellationToken cancellationToken)
    {
        await book.HoldRefusalAsync(meter, cancellationToken);
        throw refusal;
    }

    private sealed class PublicPlace(ConcurrencyLimit streams) : IDisposable
    {
        public void Dispose() => streams.Remove(1);
    }
}
