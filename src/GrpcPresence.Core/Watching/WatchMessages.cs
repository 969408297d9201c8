namespace GrpcPresence.Core.Watching;

/// <summary>
/// The messages of a watch for the one who delivers them: asking for the next says that the one before was delivered. An iterator around the one that
/// makes the messages would do the same, and stay in memory with its state for as long as an idle watch waits. To be walked once; the token that ends it
/// is the one that it was made with.
/// </summary>
internal sealed class WatchMessages : IAsyncEnumerable<WatchEvent>, IAsyncEnumerator<WatchEvent>
{
    private readonly WatchReader _reader;
    private readonly IAsyncEnumerator<WatchEvent> _messages;
    private readonly CancellationTokenRegistration _cancellation;

    /// <summary>Nothing is made before the first message is asked for. Cancelling wakes the watcher.</summary>
    public WatchMessages(WatchReader reader, Watcher watcher, IAsyncEnumerable<WatchEvent> messages, CancellationToken cancellationToken)
    {
        _reader = reader;
        _messages = messages.GetAsyncEnumerator(CancellationToken.None);
        _cancellation = cancellationToken.UnsafeRegister(static watcher => ((Watcher)watcher!).Cancel(), watcher);
    }

    /// <inheritdoc/>
    public WatchEvent Current => _messages.Current;

    /// <inheritdoc/>
    public IAsyncEnumerator<WatchEvent> GetAsyncEnumerator(CancellationToken cancellationToken = default) => this;

    /// <inheritdoc/>
    public ValueTask<bool> MoveNextAsync()
    {
        _reader.TakeHandedOut();
        return _messages.MoveNextAsync();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _cancellation.Dispose();
        return _messages.DisposeAsync();
    }
}
