using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace GrpcPresence.Bench.Load;

/// <summary>
/// One thread that serves all connections of the load. A thread, a task or a timer for each of a thousand streams would cost the load's core more than
/// the server's, and a load generator that is busier than the server measures itself.
/// </summary>
internal sealed partial class EventLoop : IDisposable
{
    private const int Readable = 0x1;
    private const int Writable = 0x4;
    private const int Add = 1;
    private const int Modify = 3;
    private const int MaxEvents = 256;

    // The kernel packs the structure on x64, and only there.
    private static readonly int DataAt = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int EventBytes = DataAt + sizeof(long);

    private readonly int _epoll = CreateEpoll(0);
    private readonly List<TcpConnection> _connections = [];
    private readonly Queue<TcpConnection> _unflushed = new();
    private readonly byte[] _events = new byte[EventBytes * MaxEvents];

    /// <summary>By how much what was to be sent at a moment was sent late, at the most, since this was set to zero.</summary>
    public TimeSpan MaxLateness { get; set; }

    /// <summary>Serves the connection from now on; returns its handle.</summary>
    public int Register(TcpConnection connection, int socket)
    {
        _connections.Add(connection);
        Control(Add, socket, _connections.Count - 1, Readable);
        return _connections.Count - 1;
    }

    /// <summary>The connection has something to send.</summary>
    public void FlushLater(TcpConnection connection) => _unflushed.Enqueue(connection);

    /// <summary>The connection could not send all that it has: it is told when it can send more, or no longer.</summary>
    public void AwaitWritable(int handle, int socket, bool wanted) => Control(Modify, socket, handle, wanted ? Readable | Writable : Readable);

    /// <summary>Serves all connections until the condition holds.</summary>
    /// <exception cref="TimeoutException">It did not within the limit; <paramref name="what"/> says what was waited for.</exception>
    public void RunUntil(Func<bool> done, TimeSpan limit, string what)
    {
        var began = Stopwatch.GetTimestamp();
        while (!done())
        {
            if (Stopwatch.GetElapsedTime(began) > limit)
                throw new TimeoutException($"Not within {limit.TotalSeconds:0} s: {what}.");
            Turn(waitMilliseconds: 10);
        }
    }

    /// <summary>Serves all connections for some time.</summary>
    public void RunFor(TimeSpan duration)
    {
        var began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began) < duration)
            Turn(waitMilliseconds: 1);
    }

    /// <summary>
    /// Does something a number of times, at even intervals, and serves all connections in between. What is late does not move what comes after, and the
    /// loop does not sleep, so that a message is sent and seen in its microsecond.
    /// </summary>
    public void RunPaced(int times, TimeSpan interval, Action<int> act)
    {
        var began = Stopwatch.GetTimestamp();
        for (var done = 0; done < times;)
        {
            var late = Stopwatch.GetElapsedTime(began) - (interval * done);
            if (late >= TimeSpan.Zero)
            {
                MaxLateness = late > MaxLateness ? late : MaxLateness;
                act(done++);
            }
            Turn(waitMilliseconds: 0);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var connection in _connections)
            connection.Dispose();
        _ = Close(_epoll);
    }

    private void Turn(int waitMilliseconds)
    {
        Flush();
        var count = Wait(_epoll, _events, MaxEvents, waitMilliseconds);
        for (var i = 0; i < count; i++)
        {
            var at = _events.AsSpan(i * EventBytes, EventBytes);
            var connection = _connections[(int)BinaryPrimitives.ReadInt64LittleEndian(at[DataAt..])];
            if ((BinaryPrimitives.ReadInt32LittleEndian(at) & Writable) != 0)
                connection.Flush();
            connection.Receive();
        }
        Flush();
    }

    private void Flush()
    {
        while (_unflushed.TryDequeue(out var connection))
            connection.Flush();
    }

    private void Control(int operation, int socket, int handle, int events)
    {
        Span<byte> @event = stackalloc byte[EventBytes];
        BinaryPrimitives.WriteInt32LittleEndian(@event, events);
        BinaryPrimitives.WriteInt64LittleEndian(@event[DataAt..], handle);
        if (Control(_epoll, operation, socket, ref MemoryMarshal.GetReference(@event)) != 0)
            throw new InvalidOperationException($"epoll_ctl failed: {Marshal.GetLastPInvokeErrorMessage()}.");
    }

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int CreateEpoll(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int Control(int epoll, int operation, int socket, ref byte @event);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int Wait(int epoll, Span<byte> events, int maxEvents, int milliseconds);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int file);
}
