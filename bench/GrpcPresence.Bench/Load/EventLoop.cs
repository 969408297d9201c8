using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace GrpcPresence.Bench.Load;

/// <summary>
/// One thread that serves all connections of the load. A thread, a task or a timer for each of a thousand streams would cost the load's
/// core more than the server's, and a load generator that is busier than the server measures itself.
/// </summary>
internal sealed partial class EventLoop : IDisposable
{
    private const int Readable = 0x1;
    private const int Writable = 0x4;
    private const int Add = 1;
    private const int Modify = 3;
    private const int MaxEvents = 256;

    // The kernel packs the structure only on x64.
    private static readonly int DataAt = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int EventBytes = DataAt + sizeof(long);

    private readonly int _epoll = CreateEpoll(0);
    private readonly List<TcpConnection> _connections = [];
    private readonly Queue<TcpConnection> _unflushed = new();
    private readonly byte[] _events = new byte[EventBytes * MaxEvents];

    /// <summary>The maximum lateness of a paced send since this was set to zero.</summary>
    public TimeSpan MaxLateness { get; set; }

    /// <summary>Serves the connection from now on; returns its handle.</summary>
    public int Register(TcpConnection connection, int socket)
    {
        _connections.Add(connection);
        Control(Add, socket, _connections.Count - 1, Readable);
        return _connections.Count - 1;
    }

    /// <summary>Notes that the connection has data to send.</summary>
    public void FlushLater(TcpConnection connection) => _unflushed.Enqueue(connection);

    /// <summary>Requests, or stops requesting, a notification when a connection with unsent data can send more.</summary>
    public void AwaitWritable(int handle, int socket, bool wanted) =>
        Control(Modify, socket, handle, wanted ? Readable | Writable : Readable);

    /// <summary>Serves all connections until the condition holds.</summary>
    /// <exception cref="TimeoutException">The condition does not hold within the limit; <paramref name="what"/> describes it.</exception>
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

    /// <summary>Serves all connections for the duration.</summary>
    public void RunFor(TimeSpan duration)
    {
        var began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began) < duration)
            Turn(waitMilliseconds: 1);
    }

    /// <summary>
    /// Runs an action a number of times, at even intervals, and serves all connections in between. A late action does not delay the next
    /// ones. The loop does not sleep, so that it sends and sees a message without delay.
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
