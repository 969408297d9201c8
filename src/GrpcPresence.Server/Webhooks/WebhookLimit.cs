using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Telemetry;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Limits one resource that webhooks occupy while an endpoint or a name server does not answer: for each use of each service instance, and
/// for all in fair shares. Safe from any thread.
/// </summary>
/// <param name="quota">The resource.</param>
/// <param name="total">What all uses together may hold.</param>
/// <param name="perUse">What one use of one service instance may hold.</param>
/// <param name="metrics">Counts refusals.</param>
internal sealed class WebhookLimit(Quota quota, int total, int perUse, PresenceMetrics metrics)
{
    private readonly FairShareLimit<WebhookUse> _limit = new(total, perUse);

    /// <summary>What all uses may hold.</summary>
    public int Total => total;

    /// <summary>What all uses hold.</summary>
    public int Level => _limit.Level;

    /// <summary>Whether nothing is free.</summary>
    public bool IsExhausted => _limit.Level >= total;

    /// <summary>Acquires one unit, to be released, if that is possible.</summary>
    public bool TryAcquire(WebhookUse use) => _limit.TryAcquire(use) == FairShareOutcome.Acquired;

    /// <summary>Acquires one unit, to be released.</summary>
    /// <exception cref="PresenceException">
    /// QuotaExceeded: the use holds as much as one may. WebhookCapacityExceeded: all together hold too much.
    /// </exception>
    public void Acquire(WebhookUse use)
    {
        switch (_limit.TryAcquire(use))
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
    public void Release(WebhookUse use) => _limit.Release(use);
}
