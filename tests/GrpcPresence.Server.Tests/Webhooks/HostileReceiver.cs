using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using GrpcPresence.Server.Tests.Fixture;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>A receiver on a loopback port that speaks raw TCP. A script treats each connection after the head of its request.</summary>
internal sealed class HostileReceiver : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestRun.Token);
    private readonly Func<NetworkStream, CancellationToken, Task> _script;
    private readonly ConcurrentBag<Task> _serving = [];
    private readonly SemaphoreSlim _scripted = new(0);
    private readonly SemaphoreSlim _closed = new(0);
    private readonly Task _accepting;
    private int _connections;

    /// <param name="script">Runs after the head of each request; a failure to write ends the connection.</param>
    public HostileReceiver(Func<NetworkStream, CancellationToken, Task> script)
    {
        _script = script;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public string Url => $"http://127.0.0.1:{Port}/";

    /// <summary>The connections so far.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Waits until the script of one more request has begun.</summary>
    public Task BeganAsync() => Barrier.Within(_scripted.WaitAsync(TestRun.Token), "the receiver gets a request");

    /// <summary>Waits until the server has closed one more connection.</summary>
    public Task ClosedAsync() => Barrier.Within(_closed.WaitAsync(TestRun.Token), "the server closes the connection");

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        await Task.WhenAll(_serving);
        _stop.Dispose();
        _scripted.Dispose();
        _closed.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var accepted = await _listener.AcceptTcpClientAsync(_stop.Token);
                Interlocked.Increment(ref _connections);
                _serving.Add(ServeAsync(accepted));
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(TcpClient accepted)
    {
        using var connection = accepted;
        var stream = connection.GetStream();
        try
        {
            while (await ReadHeadAsync(stream))
            {
                _scripted.Release();
                await _script(stream, _stop.Token);
            }
            _closed.Release();
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            _closed.Release();
        }
        catch (OperationCanceledException)
        {
            // The test ends.
        }
    }

    /// <summary>Reads up to the end of a form without fields; false when the server closes the connection.</summary>
    private async Task<bool> ReadHeadAsync(NetworkStream stream)
    {
        var buffer = new byte[1];
        var matched = 0;
        while (matched < 4)
        {
            if (await stream.ReadAsync(buffer, _stop.Token) == 0)
                return false;
            matched = buffer[0] == (byte)"\r\n\r\n"[matched] ? matched + 1 : 0;
        }
        return true;
    }
}
