using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Telemetry;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Limits one resource that webhooks occupy while an endpoint or a name server does not answer: for each service instance, and for all in
/// fair shares. Safe from any thread.
/// </summary>
/// <param name="quota">The resource.</param>
/// <param name="total">What all service instances together may hold.</param>
/// <param name="perTenant">What one service instance may hold.</param>
/// <param name="metrics">Counts refusals.</param>
internal sealed class WebhookLimit(Quota quota, int total, int perTenant, PresenceMetrics metrics)
{
    private readonly FairShareLimit<ServiceSid> _limit = new(total, perTenant);

    /// <summary>What all service instances may hold.</summary>
    public int Total => total;

    /// <summary>What all service instances hold.</summary>
    public int Level => _limit.Level;

    /// <summary>Whether nothing is free.</summary>
    public bool IsExhausted => _limit.Level >= total;

    /// <summary>Acquires one unit, to be released.</summary>
    /// <exception cref="PresenceException">
    /// QuotaExceeded: the service instance holds as much as one may. WebhookCapacityExceeded: all together hold too much.
    /// </exception>
    public void Acquire(ServiceSid service)
    {
        switch (_limit.TryAcquire(service))
        {
            case FairShareOutcome.Acquired:
                return;
            case FairShareOutcome.KeyLimitReached:
                metrics.QuotaRejected(QuotaNames.Of(quota));
                throw PresenceErrors.QuotaExceeded(quota, QuotaSubject.ServiceInstance, _limit.PerKey, Limits.WebhookQuotaRetry);
            default:
                metrics.WebhookCapacityExceeded(QuotaNames.Of(quota));
                throw PresenceErrors.WebhookCapacityExceeded();
        }
    }

    /// <summary>Releases one acquired unit.</summary>
    public void Release(ServiceSid service) => _limit.Release(service);
}
