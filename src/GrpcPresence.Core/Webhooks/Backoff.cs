using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Webhooks;

/// <summary>How long to wait after failures: doubling, and spread, so that what failed together does not come back together. Safe from any thread.</summary>
internal sealed class Backoff(Random random)
{
    private readonly Lock _gate = new(); // guards the random numbers; nothing is called under it

    /// <summary>The pause after so many failures in a row, which are at least 1.</summary>
    public TimeSpan After(int failures)
    {
        // A double, so that no number of failures overflows.
        var seconds = Math.Min(Limits.MinWebhookBackoff.TotalSeconds * Math.Pow(2, failures - 1), Limits.MaxWebhookBackoff.TotalSeconds);
        double spread;
        lock (_gate)
            spread = random.NextDouble();
        return TimeSpan.FromSeconds(seconds * (1 - (spread * Limits.WebhookBackoffJitter)));
    }
}
