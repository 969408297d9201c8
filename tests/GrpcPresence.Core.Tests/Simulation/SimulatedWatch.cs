using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Watching;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>A client and its present stream.</summary>
internal sealed class SimulatedWatch(WatchModel client, StoreFaults faults)
{
    private const int Patience = 10_000; // milliseconds

    private WatchSession? _session;
    private IAsyncEnumerator<WatchEvent>? _messages;
    private Task<bool>? _next;

    public WatchModel Client => client;

    /// <summary>Raised for each message that the client has taken.</summary>
    public event Action<WatchEvent>? Taken;

    public bool IsOpen => _session is not null;

    /// <summary>Whether the store has lost commits that the stream may have sent. What it says does not count, and it must end.</summary>
    public bool IsLost { get; private set; }

    /// <summary>The store has lost commits.</summary>
    public void Lose() => IsLost = IsOpen;

    /// <summary>Opens a stream.</summary>
    public void Open(WatchSession session, Bookmark? from)
    {
        client.Begin(from);
        _session = session;
        _messages = session.ReadAsync(default).GetAsyncEnumerator();
        _next = null;
    }

    /// <summary>Reads the next message, if it comes without another step. Leaves a stream that ends or cannot read the store.</summary>
    public async Task<bool> ReadAsync()
    {
        if (_session is null)
            return false;
        try
        {
            faults.Reader.Value = this;
            _next ??= _messages!.MoveNextAsync().AsTask();
            // A reader that was woken continues in the thread pool. It produces a message, or waits for something that only another step
            // does.
            var began = Environment.TickCount64;
            while (!_next.IsCompleted && !IsWaiting(_session))
            {
                await Task.WhenAny(_next, Task.Run(static () => { }));
                if (Environment.TickCount64 - began > Patience)
                    throw new BrokenPromiseException("Convergent", "the watch neither continues nor waits for anything");
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
        if (IsLost)
            return true;
        client.Take(_messages!.Current);
        Taken?.Invoke(_messages.Current);
        return true;
    }

    /// <summary>
    /// Whether the session waits for something that only another step does. While a gap is read in the thread pool, that may wake the
    /// session, unless the read hangs.
    /// </summary>
    private bool IsWaiting(WatchSession session)
    {
        var isAwaited = session.Queue.IsAwaited || session.Queue.Feed.IsAwaited;
        return faults.IsStalled(this) || (isAwaited && (!session.Queue.Feed.IsGapBeingRead || faults.AreReadsHanging));
    }

    /// <summary>Closes the stream.</summary>
    public void Leave()
    {
        _session?.Dispose();
        _session = null;
        _messages = null;
        _next = null;
        IsLost = false;
    }
}
