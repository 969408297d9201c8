using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Watching;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>A client and its present stream.</summary>
internal sealed class SimulatedWatch(WatchModel client, StoreFaults faults)
{
    private const int Patience = 10_000; // milliseconds

    private WatchReader? _reader;
    private IAsyncEnumerator<WatchEvent>? _messages;
    private Task<bool>? _next;

    public WatchModel Client => client;

    public bool IsOpen => _reader is not null;

    /// <summary>Opens a stream.</summary>
    public void Open(WatchReader reader, Bookmark? from)
    {
        client.Begin(from);
        _reader = reader;
        _messages = reader.ReadAsync(default).GetAsyncEnumerator();
        _next = null;
    }

    /// <summary>Reads the next message, if it comes without another step. Leaves a stream that ends or cannot read the store.</summary>
    public async Task<bool> ReadAsync()
    {
        if (_reader is null)
            return false;
        try
        {
            faults.Reader.Value = this;
            _next ??= _messages!.MoveNextAsync().AsTask();
            // A reader that was woken continues in the thread pool. It produces a message, or waits for something that only another step
            // does.
            var began = Environment.TickCount64;
            while (!_next.IsCompleted && !IsWaiting(_reader))
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
        client.Take(_messages!.Current);
        return true;
    }

    /// <summary>
    /// Whether the reader waits for something that only another step does. While a gap is read in the thread pool, that may wake the
    /// reader, unless the read hangs.
    /// </summary>
    private bool IsWaiting(WatchReader reader) =>
        faults.IsStalled(this) || ((reader.IsAsleep || reader.IsFeedAwaited) && (!reader.IsGapBeingRead || faults.AreReadsHanging));

    /// <summary>Closes the stream.</summary>
    public void Leave()
    {
        _reader?.Dispose();
        _reader = null;
        _messages = null;
        _next = null;
    }
}
