using GrpcPresence.Core.Watching;

namespace GrpcPresence.MicroBench.Fixture;

/// <summary>
/// An open watch after its synced message. Between two calls its client is either writing, and so does not ask for more, or asleep.
/// </summary>
internal sealed class Watch
{
    private readonly IAsyncEnumerator<WatchEvent> _messages;
    private Task<bool>? _awaited; // null while no message is requested

    public Watch(WatchSession session)
    {
        _messages = session.ReadAsync(CancellationToken.None).GetAsyncEnumerator();
        while (Next() is not WatchEvent.Synced)
        {
        }
    }

    /// <summary>Asks for a message when none is available. The next change wakes the reader, on another thread.</summary>
    public void FallAsleep() => _awaited = _messages.MoveNextAsync().AsTask();

    /// <summary>Reads the pending message. If the reader was asleep, waits until the other thread has created it.</summary>
    public WatchEvent Next()
    {
        if (_awaited is { } awaited)
        {
            _awaited = null;
            awaited.Wait();
            return _messages.Current;
        }
        var next = _messages.MoveNextAsync();
        if (!next.IsCompleted)
            throw new InvalidOperationException("The watch has no pending message.");
        next.GetAwaiter().GetResult();
        return _messages.Current;
    }
}
