namespace GrpcPresence.Client.Sessions;

/// <summary>
/// Notices a stream that does not answer. A connection can be dead without an error, and a proxy can hold messages back.
/// </summary>
internal sealed class ReplyTimeout : IDisposable
{
    private readonly Func<TimeSpan> _limit;
    private readonly ITimer _timer;

    /// <param name="time">The clock.</param>
    /// <param name="limit">Returns how long an answer may take at present.</param>
    /// <param name="onElapsed">Ends the stream.</param>
    public ReplyTimeout(TimeProvider time, Func<TimeSpan> limit, Action onElapsed)
    {
        _limit = limit;
        _timer = time.CreateTimer(
            _ =>
            {
                HasElapsed = true;
                onElapsed();
            },
            null,
            Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
    }

    /// <summary>Whether an answer took too long.</summary>
    public bool HasElapsed { get; private set; }

    /// <summary>Waits for an answer from now on.</summary>
    public void Begin() => _timer.Change(_limit(), Timeout.InfiniteTimeSpan);

    /// <summary>Waits for no answer.</summary>
    public void End() => _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    public void Dispose() => _timer.Dispose();
}
