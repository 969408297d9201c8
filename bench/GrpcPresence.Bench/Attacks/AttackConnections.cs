using System.Diagnostics;
using GrpcPresence.Bench.Load;

namespace GrpcPresence.Bench.Attacks;

/// <summary>
/// The connections of an attack. The server may close them. The attack then opens others, but at most one a second: what many new
/// connections cost is not measured here.
/// </summary>
/// <param name="loop">Serves the connections.</param>
/// <param name="port">The server's port.</param>
/// <param name="count">The number of connections that are open at a time.</param>
/// <param name="window">The window of each stream, in bytes.</param>
/// <param name="lost">Handles the end of a connection. The argument is the number of the connection, from 0 to count - 1.</param>
internal sealed class AttackConnections(EventLoop loop, int port, int count, int window, Action<int> lost)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private readonly Http2Connection?[] _open = new Http2Connection?[count];
    private long _openedAt;
    private int _next;

    /// <summary>How many connections the server closed.</summary>
    public int Closed { get; private set; }

    /// <summary>Opens all connections.</summary>
    public void OpenAll()
    {
        for (var i = 0; i < count; i++)
            Open(i);
    }

    /// <summary>Returns the next connection and its number, or null while it may not be opened again.</summary>
    public (Http2Connection Connection, int Number)? Next()
    {
        var number = _next;
        _next = (_next + 1) % count;
        if (_open[number] is { IsClosed: false } connection)
            return (connection, number);
        return Stopwatch.GetElapsedTime(_openedAt) < Pause ? null : (Open(number), number);
    }

    /// <summary>Closes all connections.</summary>
    public void CloseAll()
    {
        foreach (var connection in _open)
            connection?.Abandon();
    }

    private Http2Connection Open(int number)
    {
        _openedAt = Stopwatch.GetTimestamp();
        return _open[number] = new Http2Connection(loop, port, window, () =>
        {
            Closed++;
            lost(number);
        });
    }
}
