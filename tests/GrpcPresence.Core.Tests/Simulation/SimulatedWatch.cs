using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Watching;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>A client and the stream that it has open at present.</summary>
internal sealed class SimulatedWatch(WatchModel client, StoreFaults faults)
{
    private const int Patience = 10_000; // milliseconds

    private WatchSession? _session;
    private IAsyncEnumerator<WatchEvent>? _messages;
    private Task<bool>? _next;

    public WatchModel Client => client;

    public bool IsOpen => _session is not null;

    /// <summary>Opens a stream.</summary>
    public void Open(WatchSession session, Bookmark? from)
    {
        client.Begin(from);
        _session = session;
        _messages = session.ReadAsync(default).GetAsyncEnumerator();
        _next = null;
    }

    /// <summary>Takes the next message, if it comes without anything else happening first. A stream that ends or cannot read the store is left.</summary>
    public async Task<bool> ReadAsync()
    {
        if (_session is null)
            return false;
        try
        {
            faults.Reader.Value = this;
            _next ??= _messages!.MoveNextAsync().AsTask();
            // What was woken goes on in the pool. It comes to a message, or to a wait that only another step ends.
            var began = Environment.TickCount64;
            while (!_next.IsCompleted && !IsWaiting(_session))
            {
                await Task.WhenAny(_next, Task.Run(static () => { }));
                if (Environment.TickCount64 - began > Patience)
                    throw new BrokenPromiseException("Convergent", "the watch does not go on, and does not wait for anything");
            }
            if (!_next.IsCompleted)
                return false;
            var next = _next;
            _next = null;
            if (!await next)
                throw new BrokenPromiseException("Drained", "the watch ended without a reason");
        }
        catch (PresenceException)
        {
            Leave();
            return false;
        }
        client.Take(_messages!.Current);
        return true;
    }

    /// <summary>Whether only another step takes the session on. While a gap is read in the pool, that may wake it, unless the read hangs.</summary>
    private bool IsWaiting(WatchSession session) =>
        faults.IsStalled(this) || ((session.Queue.IsAwaited || session.Queue.Feed.IsAwaited) && (!session.Queue.Feed.IsGapBeingRead || faults.AreReadsHanging));

    /// <summary>Closes the stream.</summary>
    public void Leave()
    {
        _session?.Dispose();
        _session = null;
        _messages = null;
        _next = null;
    }
}
