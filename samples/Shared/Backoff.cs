namespace GrpcPresence.Samples;

/// <summary>
/// Says how long to wait before the next attempt: longer after each failure in a row, and with a random part, so that the clients of a
/// restarted server do not all reconnect at the same moment.
/// </summary>
internal sealed class Backoff
{
    private const int MaxDoublings = 6;
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(500);

    private int _failures;

    /// <summary>Returns the delay after another failure. It is never shorter than what the server asked for in RetryInfo.</summary>
    public TimeSpan Next(TimeSpan? askedByServer)
    {
        var longest = FirstDelay * Math.Pow(2, Math.Min(_failures, MaxDoublings));
        _failures++;
        return (askedByServer ?? TimeSpan.Zero) + longest * Random.Shared.NextDouble();
    }

    /// <summary>Starts again with the shortest delay, after the server answered.</summary>
    public void Reset() => _failures = 0;
}
