using System.Collections.Concurrent;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Telemetry;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// The usage of all subjects. A call is charged to the service instance and to the caller together, or to neither. Only the metric of
/// rejections records it, without the subject. Safe from any thread; a charge takes no lock.
/// </summary>
public sealed partial class QuotaLimiter
{
    private readonly ConcurrentDictionary<QuotaKey, UsageCounters> _counters = new();
    private readonly QuotaPolicy _serviceInstance;
    private readonly QuotaPolicy _apiKey;
    private readonly QuotaPolicy _endUser;
    private readonly PresenceMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly QuotaBorrower? _borrower;

    /// <summary>Creates a limiter without usage.</summary>
    /// <param name="serviceInstance">The limits of each service instance, for all its callers together.</param>
    /// <param name="apiKey">The limits of each API key.</param>
    /// <param name="accessToken">The limits of each end user, for all the user's access tokens together.</param>
    /// <param name="metrics">Counts rejections.</param>
    /// <param name="time">The clock; only its timestamps are read.</param>
    /// <param name="borrower">Borrows the shares of this node, which are then its limits; null without a cluster.</param>
    public QuotaLimiter(
        QuotaLimits serviceInstance,
        QuotaLimits apiKey,
        QuotaLimits accessToken,
        PresenceMetrics metrics,
        TimeProvider time,
        QuotaBorrower? borrower = null)
    {
        _serviceInstance = new QuotaPolicy(QuotaSubject.ServiceInstance, serviceInstance, time.TimestampFrequency);
        _apiKey = new QuotaPolicy(QuotaSubject.Caller, apiKey, time.TimestampFrequency);
        _endUser = new QuotaPolicy(QuotaSubject.Caller, accessToken, time.TimestampFrequency);
        _metrics = metrics;
        _time = time;
        _borrower = borrower;
    }

    /// <summary>The number of subjects with counters.</summary>
    public int CounterCount => _counters.Count;

    /// <summary>Returns the counters of a service instance.</summary>
    /// <param name="serviceId">The store's key. A service instance that takes a deleted one's SID has new counters.</param>
    public UsageCounters OfServiceInstance(long serviceId) => Find(QuotaKey.Of(serviceId));

    /// <summary>Returns the counters of an API key.</summary>
    /// <param name="apiKeyId">The id of the key, not its secret.</param>
    public UsageCounters OfApiKey(string apiKeyId) => Find(QuotaKey.Of(apiKeyId));

    /// <summary>Returns the counters of an end user, by identity: a user that was deleted and created again is the same caller.</summary>
    public UsageCounters OfEndUser(ServiceSid service, Identity user) => Find(QuotaKey.Of(service, user));

    /// <summary>
    /// Drops idle counters, and returns how many. Idle counters equal new ones; without sweeps, each end user and each deleted service
    /// instance would leave some permanently. Those of a share are kept for <see cref="Limits.IdleQuotaShare"/>. Call it every <see
    /// cref="Limits.MeterSweepInterval"/>.
    /// </summary>
    public int Sweep()
    {
        var now = _time.GetTimestamp();
        var dropped = 0;
        foreach (var entry in _counters)
        {
            var counters = entry.Value;
            // A share of a cluster's quota is kept longer: without it, the first calls after a pause would have to wait for another one.
            if (!counters.IsIdle(now) || counters.Demand?.IsRecent(now) == true || !counters.TryDrop())
                continue;
            // Checked again: a call that took something in between may have found the counters live. Later calls do not, and wait for the
            // outcome.
            if (counters.IsIdle(_time.GetTimestamp()))
            {
                _counters.TryRemove(entry);
                _borrower?.Detach(counters);
                dropped++;
            }
            else
            {
                counters.Keep();
            }
        }
        return dropped;
    }

    /// <summary>
    /// Returns when a rejection may be sent: at once for some per second, and after <see cref="Limits.RejectionDelay"/> beyond that, so
    /// that a caller that ignores rejections costs little. Await it before throwing the error, with the counters of the caller, or of the
    /// service instance if there is no caller.
    /// </summary>
    /// <exception cref="OperationCanceledException">The call is over.</exception>
    public ValueTask HoldRejectionAsync(UsageCounters counters, CancellationToken cancellationToken) =>
        // Counters that are dropped in the meantime forget one rejection, and nothing else.
        Present(counters).Rejections.HoldAsync(_time, cancellationToken);

    /// <summary>
    /// In a cluster, waits until this node has got its first share of the quotas, or until <see cref="Limits.FirstShareWait"/> after the
    /// first call that needs it. Call it before a charge: without a share, the node may use only 1 of each quota. Completes at once in a
    /// single node.
    /// </summary>
    /// <param name="service">The service instance's counters; null if the call concerns none.</param>
    /// <param name="caller">The caller's counters, or null.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    public ValueTask WaitForShareAsync(UsageCounters? service, UsageCounters? caller, CancellationToken cancellationToken)
    {
        var (ofService, ofCaller) = (DemandOf(service), DemandOf(caller));
        return ofService?.FirstShare is null && ofCaller?.FirstShare is null
            ? default
            : WaitForSharesAsync(ofService, ofCaller, cancellationToken);

        SubjectDemand? DemandOf(UsageCounters? counters) => counters is null || _borrower is null ? null : Present(counters).Demand;
    }

    private async ValueTask WaitForSharesAsync(SubjectDemand? ofService, SubjectDemand? ofCaller, CancellationToken cancellationToken)
    {
        await WaitAsync(ofCaller).ConfigureAwait(false);
        await WaitAsync(ofService).ConfigureAwait(false);

        async Task WaitAsync(SubjectDemand? demand)
        {
            if (demand?.FirstShare is not { } share)
                return;
            var left = Limits.FirstShareWait - _time.GetElapsedTime(share.Since);
            if (left > TimeSpan.Zero)
                await share.Come.Task.WaitAsync(left, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
            demand.EndWait(); // the share has come, or the home owner does not answer and later calls do not wait for it
        }
    }

    private UsageCounters Find(QuotaKey key)
    {
        var counters = _counters.GetOrAdd(key, static (added, limiter) => new UsageCounters(added, limiter.PolicyOf(added.Kind)), this);
        if (_borrower is not null && key.IsShared && counters.Demand is null)
            _borrower.Attach(counters, _time.GetTimestamp());
        return counters;
    }

    private QuotaPolicy PolicyOf(QuotaKind kind) => kind switch
    {
        QuotaKind.ServiceInstance => _serviceInstance,
        QuotaKind.ApiKey => _apiKey,
        _ => _endUser,
    };

    /// <summary>Returns the counters, or the ones that replaced them.</summary>
    private UsageCounters Present(UsageCounters counters)
    {
        var spin = default(SpinWait);
        while (!counters.IsLive)
        {
            // Either they are dropped, and others are found or created; or a sweep is checking them, and they will soon be dropped or live
            // again.
            var found = Find(counters.Key);
            if (found == counters)
                spin.SpinOnce();
            counters = found;
        }
        return counters;
    }
}
