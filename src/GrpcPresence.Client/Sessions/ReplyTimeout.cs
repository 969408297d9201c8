using GrpcPresence.Client.Connections;

namespace GrpcPresence.Client.Sessions;

/// <summary>
/// Notices a stream that does not answer. A connection can be dead without an error, and a proxy can hold messages back.
/// </summary>
internal sealed class ReplyTimeout : IDisposable
{
    private readonly Func<TimeSpan> _limit;
    private readonly QueuedTimer _timer;

    /// <param name="timers">The timers of the client.</param>
    /// <param name="limit">Returns how long an answer may take at present.</param>
    /// <param name="onElapsed">Ends the stream.</param>
    public ReplyTimeout(TimerQueue timers, Func<TimeSpan> limit, Action onElapsed)
    {
        _limit = limit;
        _timer = timers.Create(() =>
        {
            HasElapsed = true;
            onElapsed();
        });
    }

    /// <summary>Whether an answer took too long.</summary>
    public bool HasElapsed { get; private set; }

    /// <summary>Waits for an answer from now on.</summary>
    public void Begin() => _timer.Set(_limit());

    /// <summary>Waits for no answer.</summary>
    public void End() => _timer.Stop();

    public void Dispose() => _timer.Dispose();
}
