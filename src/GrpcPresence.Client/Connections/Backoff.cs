namespace GrpcPresence.Client.Connections;

/// <summary>
/// Says how long to wait before the next attempt. The delay is random, so that the clients of a restarted server do not all return at one
/// moment. Its upper bound doubles with each failure in a row. See ADR 20 for why no library does this.
/// </summary>
/// <param name="First">The upper bound of the first delay.</param>
/// <param name="Longest">The upper bound of all delays.</param>
/// <param name="Random">Makes delays differ.</param>
internal sealed record BackoffPolicy(TimeSpan First, TimeSpan Longest, Random Random)
{
    private const int MaxDoublings = 20; // far more than lead from any first delay to any longest one

    /// <summary>Returns the delay after so many failures before this one: what the server asked for, and a random time more.</summary>
    /// <param name="failures">The failures in a row before this one.</param>
    /// <param name="askedByServer">What the server asked for, or null.</param>
    /// <param name="longest">An upper bound of the random time that is less than that of the policy, or null.</param>
    public TimeSpan DelayAfter(int failures, TimeSpan? askedByServer, TimeSpan? longest = null)
    {
        var bound = Durations.Min(First * Math.Pow(2, Math.Min(failures, MaxDoublings)), Durations.Min(longest ?? Longest, Longest));
        return (askedByServer ?? TimeSpan.Zero) + (bound * Random.NextDouble());
    }
}

/// <summary>Counts the failures in a row of one loop.</summary>
internal sealed class Backoff(BackoffPolicy policy)
{
    private int _failures;

    /// <summary>Returns the delay after another failure.</summary>
    /// <param name="askedByServer">What the server asked for, or null.</param>
    /// <param name="longest">An upper bound of the random time that is less than that of the policy, or null.</param>
    public TimeSpan Next(TimeSpan? askedByServer, TimeSpan? longest = null) => policy.DelayAfter(_failures++, askedByServer, longest);

    /// <summary>Starts again with the shortest delay.</summary>
    public void Reset() => _failures = 0;
}
