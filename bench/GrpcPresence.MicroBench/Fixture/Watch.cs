using GrpcPresence.Core.Watching;

namespace GrpcPresence.MicroBench.Fixture;

/// <summary>One open watch that is past its synced message. Between two calls its client is writing, and so does not ask for more, or is asleep.</summary>
internal sealed class Watch
{
    private readonly IAsyncEnumerator<WatchEvent> _messages;
    private Task<bool>? _awaited; // null while no message is asked for

    public Watch(WatchSession session)
    {
        _messages = session.ReadAsync(CancellationToken.None).GetAsyncEnumerator();
        while (Next() is not WatchEvent.Synced)
        {
        }
    }

    /// <summary>Asks for a message when none is to be had: the next change wakes the reader, on another thread.</summary>
    public void FallAsleep() => _awaited = _messages.MoveNextAsync().AsTask();

    /// <summary>Reads the message that is owed. Of a reader who was asleep it waits until the other thread has made it.</summary>
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
            throw new InvalidOperationException("The watch owes no message.");
        next.GetAwaiter().GetResult();
        return _messages.Current;
    }
}
