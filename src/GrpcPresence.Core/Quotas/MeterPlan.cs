using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Limits;

namespace GrpcPresence.Core.Quotas;

/// <summary>What all meters of a kind have in common. Immutable.</summary>
/// <param name="subject">Whose quotas they are, as a refusal names it.</param>
/// <param name="limits">How much each may use.</param>
/// <param name="frequency">Units of the clock in a second.</param>
internal sealed class MeterPlan(QuotaSubject subject, QuotaLimits limits, long frequency)
{
    public RateLimit Heartbeats { get; } = new(limits.HeartbeatsPerSecond, frequency);

    public RateLimit Writes { get; } = new(limits.WritesPerSecond, frequency);

    public RateLimit NewStreams { get; } = new(limits.NewStreamsPerSecond, frequency);

    public RateLimit PromptRefusals { get; } = new(Bounds.PromptRefusalsPerSecond, frequency);

    public QuotaLimits Limits => limits;

    /// <summary>The refusal for want of a quota.</summary>
    public PresenceException Refusal(Quota quota, TimeSpan retryAfter) => Refusals.QuotaExceeded(
        quota, subject, limits.Of(quota), retryAfter > Bounds.MinQuotaRetry ? retryAfter : Bounds.MinQuotaRetry);
}
