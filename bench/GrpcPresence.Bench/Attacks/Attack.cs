using System.Diagnostics;
using GrpcPresence.Bench.Load;

namespace GrpcPresence.Bench.Attacks;

/// <summary>An attack that runs beside a victim, repeatedly. It ignores every answer, and replaces what the server ends.</summary>
internal sealed class Attack : IStreamHandler
{
    private readonly AttackPlan _plan;
    private readonly AttackConnections _connections;
    private readonly int[] _openOn;
    private readonly Dictionary<Http2Stream, int> _numbers = [];
    private long _began;
    private int _next;

    /// <summary>Prepares the attack.</summary>
    public Attack(AttackPlan plan, EventLoop loop, int port)
    {
        _plan = plan;
        _openOn = new int[plan.Connections];
        _connections = new AttackConnections(loop, port, plan.Connections, plan.Window, Lost);
    }

    /// <summary>The number of requests that it sent.</summary>
    public int Sent { get; private set; }

    /// <summary>The number of requests that received a message.</summary>
    public int Answered { get; private set; }

    /// <summary>The number of its connections that the server closed.</summary>
    public int Closed => _connections.Closed;

    /// <summary>The number of open requests.</summary>
    public int Open => _openOn.Sum();

    /// <summary>Opens the connections. The rate counts from now on.</summary>
    public void Start()
    {
        _connections.OpenAll();
        _began = Stopwatch.GetTimestamp();
    }

    /// <summary>Sends what is due. Requests that could not be sent in time are not made up for.</summary>
    public void Act()
    {
        var elapsed = Stopwatch.GetElapsedTime(_began);
        var due = (int)(elapsed.TotalSeconds * _plan.PerSecond);
        if (due == 0)
            return;
        _began += (long)((double)due / _plan.PerSecond * Stopwatch.Frequency);
        for (var open = Open; due > 0 && open < _plan.MaxOpen && _connections.Next() is { } to; due--)
        {
            Send(to.Connection, to.Number);
            if (!_plan.Resets)
                open++;
        }
    }

    /// <summary>Closes the connections.</summary>
    public void Stop()
    {
        _connections.CloseAll();
        _numbers.Clear();
        Array.Clear(_openOn);
    }

    /// <inheritdoc/>
    public void OnMessage(Http2Stream stream, ReadOnlySpan<byte> message)
    {
        if (stream.Messages == 1)
            Answered++;
    }

    /// <inheritdoc/>
    public void OnEnded(Http2Stream stream, ReadOnlySpan<byte> trailers)
    {
        if (_numbers.Remove(stream, out var number))
            _openOn[number]--;
    }

    private void Send(Http2Connection connection, int number)
    {
        var headers = _plan.Headers[_next % _plan.Headers.Count];
        var stream = connection.Open(headers, this, end: _plan.Bodies.Count == 0);
        if (_plan.Bodies.Count > 0)
            connection.SendBody(stream.Id, _plan.Bodies[_next % _plan.Bodies.Count], _plan.EndsBody);
        _next++;
        Sent++;
        if (_plan.Resets)
        {
            stream.Cancel();
            return;
        }
        _numbers.Add(stream, number);
        _openOn[number]++;
    }

    private void Lost(int number)
    {
        _openOn[number] = 0;
        foreach (var stream in _numbers.Where(one => one.Value == number).Select(one => one.Key).ToArray())
            _numbers.Remove(stream);
    }
}
