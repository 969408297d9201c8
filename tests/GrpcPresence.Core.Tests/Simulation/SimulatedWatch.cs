using GrpcPresence.Core.Watching;

namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>A client and the stream that it has open at present.</summary>
internal sealed class SimulatedWatch(SimulatedClient client)
{
    private WatchReader? _reader;
    private IAsyncEnumerator<WatchEvent>? _messages;
    private Task<bool>? _next;

    public SimulatedClient Client => client;

    public bool IsOpen => _reader is not null;

    /// <summary>Opens a stream.</summary>
    public void Open(WatchReader reader, Bookmark? from)
    {
        client.Begin(from);
        _reader = reader;
        _messages = reader.ReadAsync(default).GetAsyncEnumerator();
        _next = null;
    }

    /// <summary>
    /// Takes the next message, if it comes without anything else happening first. Lets the pool run what has been woken; a stream that ends or
    /// cannot read the store is left.
    /// </summary>
    public async Task<bool> ReadAsync()
    {
        if (_reader is null)
            return false;
        try
        {
            _next ??= _messages!.MoveNextAsync().AsTask();
            // Woken readers go on in the pool: give them their turn before it is said that nothing comes.
            for (var turn = 0; turn < 20 && !_next.IsCompleted && _reader.IsAwake; turn++)
                await Task.WhenAny(_next, Task.Run(static () => { }));
            if (!_next.IsCompleted)
                return false;
            var next = _next;
            _next = null;
            if (!await next)
                throw new BrokenPromise("Drained", "the watch ended without a reason");
        }
        catch (Errors.PresenceException)
        {
            Leave();
            return false;
        }
        client.Take(_messages!.Current);
        return true;
    }

    /// <summary>Closes the stream.</summary>
    public void Leave()
    {
        _reader?.Dispose();
        _reader = null;
        _messages = null;
        _next = null;
    }
}
