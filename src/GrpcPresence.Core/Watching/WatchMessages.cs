namespace GrpcPresence.Core.Watching;

/// <summary>
/// The main loop of a watch: synchronize, then go live. Acknowledges each message when the next one is asked for, and wakes the session
/// when the token is cancelled. To be enumerated once.
/// </summary>
/// <remarks>
/// Not an iterator around the two iterators of the session: it would stay in memory, with its state, for as long as an idle watch waits.
/// </remarks>
internal sealed class WatchMessages : IAsyncEnumerable<WatchEvent>, IAsyncEnumerator<WatchEvent>
{
    private readonly WatchSession _session;
    private readonly CancellationTokenRegistration _cancellation;
    private IAsyncEnumerator<WatchEvent> _messages;
    private bool _isLive;

    public WatchMessages(WatchSession session, CancellationToken cancellationToken)
    {
        _session = session;
        _messages = session.SynchronizeAsync(cancellationToken).GetAsyncEnumerator(CancellationToken.None);
        _cancellation = cancellationToken.UnsafeRegister(static queue => ((WatchQueue)queue!).Cancel(), session.Queue);
    }

    public WatchEvent Current => _messages.Current;

    public IAsyncEnumerator<WatchEvent> GetAsyncEnumerator(CancellationToken cancellationToken = default) => this;

    public ValueTask<bool> MoveNextAsync()
    {
        _session.Acknowledge();
        var next = _messages.MoveNextAsync();
        if (_isLive)
            return next;
        if (!next.IsCompletedSuccessfully)
            return SynchronizeOrGoLiveAsync(next);
        return next.Result ? ValueTask.FromResult(true) : GoLive();
    }

    public ValueTask DisposeAsync()
    {
        _cancellation.Dispose();
        return _messages.DisposeAsync();
    }

    private async ValueTask<bool> SynchronizeOrGoLiveAsync(ValueTask<bool> next) =>
        await next.ConfigureAwait(false) || await GoLive().ConfigureAwait(false);

    private ValueTask<bool> GoLive()
    {
        // The iterator before has ended, so it holds nothing to dispose of.
        _isLive = true;
        _messages = _session.LiveAsync(_cancellation.Token).GetAsyncEnumerator(CancellationToken.None);
        return _messages.MoveNextAsync();
    }
}
