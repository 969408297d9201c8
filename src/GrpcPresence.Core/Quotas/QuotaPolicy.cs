using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Quotas;

/// <summary>What all counters of a kind have in common. Immutable.</summary>
/// <param name="subject">Whose quotas they are, as a refusal names it.</param>
/// <param name="limits">How much each may use.</param>
/// <param name="frequency">Units of the clock in a second.</param>
internal sealed class QuotaPolicy(QuotaSubject subject, QuotaLimits limits, long frequency)
{
    public TokenBucketOptions Heartbeats { get; } = new(limits.HeartbeatsPerSecond, frequency);

    public TokenBucketOptions Writes { get; } = new(limits.WritesPerSecond, frequency);

    public TokenBucketOptions NewStreams { get; } = new(limits.NewStreamsPerSecond, frequency);

    public TokenBucketOptions PromptRefusals { get; } = new(Limits.PromptRefusalsPerSecond, frequency);

    public QuotaLimits Quotas => limits;

    /// <summary>The refusal for want of a quota.</summary>
    public PresenceException Refusal(Quota quota, TimeSpan retryAfter) => PresenceErrors.QuotaExceeded(
        quota, subject, limits.Of(quota), retryAfter > Limits.MinQuotaRetry ? retryAfter : Limits.MinQuotaRetry);
}
