using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Webhooks;

/// <summary>
/// Exponential backoff with jitter: the delay doubles with each failure in a row, and its random part keeps deliveries that failed together
/// from returning together. Safe from any thread.
/// </summary>
internal sealed class Backoff(Random random)
{
    // Guards the random numbers. An innermost lock: no code takes another lock, calls out, logs or awaits under it.
    private readonly Lock _gate = new();

    /// <summary>Returns the delay after this many failures in a row, at least one.</summary>
    public TimeSpan After(int failures)
    {
        // A double, because an integer would overflow after many failures.
        var seconds = Math.Min(Limits.MinWebhookBackoff.TotalSeconds * Math.Pow(2, failures - 1), Limits.MaxWebhookBackoff.TotalSeconds);
        double jitter;
        lock (_gate)
            jitter = random.NextDouble();
        return TimeSpan.FromSeconds(seconds * (1 - (jitter * Limits.WebhookBackoffJitter)));
    }
}
