using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Quotas;

/// <summary>What all subjects of a kind share. Immutable.</summary>
/// <param name="subject">The subject as an error names it.</param>
/// <param name="limits">The limits of each subject.</param>
/// <param name="frequency">Units of the clock in a second.</param>
internal sealed class QuotaPolicy(QuotaSubject subject, QuotaLimits limits, long frequency)
{
    public TokenBucketOptions Heartbeats { get; } = new(limits.HeartbeatsPerSecond, frequency);

    public TokenBucketOptions Writes { get; } = new(limits.WritesPerSecond, frequency);

    public TokenBucketOptions NewStreams { get; } = new(limits.NewStreamsPerSecond, frequency);

    public TokenBucketOptions RowsRead { get; } = new(limits.RowsReadPerSecond, frequency);

    public TokenBucketOptions Inflated { get; } = new(limits.InflatedKibPerSecond, frequency);

    public TokenBucketOptions PromptRejections { get; } = new(Limits.PromptRejectionsPerSecond, frequency);

    public QuotaLimits Quotas => limits;

    /// <summary>Returns the limits of a share of a rate.</summary>
    public TokenBucketOptions OfShare(int perSecond) => new(perSecond, frequency);

    /// <summary>Returns the error for an exceeded quota.</summary>
    public PresenceException CreateError(Quota quota, TimeSpan retryAfter) => PresenceErrors.QuotaExceeded(
        quota, subject, limits.Of(quota), retryAfter > Limits.MinQuotaRetry ? retryAfter : Limits.MinQuotaRetry);
}
