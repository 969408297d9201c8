namespace GrpcPresence.Client.Connections;

/// <summary>
/// Says how long to wait before the next attempt. The delay is random, so that the clients of a restarted server do not all return at one
/// moment. Its upper bound doubles with each failure in a row.
/// </summary>
internal sealed class Backoff(TimeSpan first, TimeSpan longest, Random random)
{
    private const int MaxDoublings = 20; // far more than lead from any first delay to any longest one

    private int _failures;

    /// <summary>Returns the delay after another failure: what the server asked for, and a random time more.</summary>
    public TimeSpan Next(TimeSpan? askedByServer)
    {
        var bound = first * Math.Pow(2, Math.Min(_failures++, MaxDoublings));
        return (askedByServer ?? TimeSpan.Zero) + ((bound < longest ? bound : longest) * random.NextDouble());
    }

    /// <summary>Starts again with the shortest delay.</summary>
    public void Reset() => _failures = 0;
}
