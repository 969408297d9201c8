using System.Collections.Concurrent;
using System.Net.Sockets;

namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>
/// The network between a client and the server: it leads to the server's present port, and breaks connections on demand.
/// </summary>
internal sealed class Network
{
    private readonly ConcurrentDictionary<Connection, bool> _connections = [];
    private readonly ConcurrentQueue<long> _cuts = [];

    /// <summary>The address that the client calls.</summary>
    public static Uri Address { get; } = new("http://localhost:1");

    /// <summary>The server's port; null while no server listens.</summary>
    public int? Port { get; set; }

    /// <summary>
    /// Cuts the next connection behind so many received bytes. The connections after it are whole, or have a cut of their own.
    /// </summary>
    public void CutNext(long bytes) => _cuts.Enqueue(bytes);

    /// <summary>Breaks all connections.</summary>
    public void Break()
    {
        foreach (var connection in _connections.Keys)
            connection.Break();
    }

    /// <summary>Returns a handler for <see cref="PresenceClientOptions.HttpHandlerFactory"/>.</summary>
    public HttpMessageHandler NewHandler() => new SocketsHttpHandler { ConnectCallback = async (_, token) => await ConnectAsync(token) };

    private async ValueTask<Stream> ConnectAsync(CancellationToken cancellationToken)
    {
        if (Port is not { } port)
            throw new IOException("No server listens.");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync("127.0.0.1", port, cancellationToken);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        var connection = new Connection(socket, _cuts.TryDequeue(out var bytes) ? bytes : long.MaxValue, Forget);
        _connections[connection] = true;
        return connection;
    }

    private void Forget(Connection connection) => _connections.TryRemove(connection, out _);

    /// <summary>A connection that breaks behind a number of received bytes.</summary>
    private sealed class Connection(Socket socket, long left, Action<Connection> onDisposed) : NetworkStream(socket, ownsSocket: true)
    {
        private long _left = left;

        public void Break()
        {
            try
            {
                // Without a FIN, as a process that is killed.
                Socket.LingerState = new LingerOption(enable: true, seconds: 0);
                Dispose();
            }
            catch (ObjectDisposedException)
            {
                // The client has closed it meanwhile.
            }
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_left == 0)
            {
                Break();
                throw new IOException("The test cut the connection.");
            }
            var read = await base.ReadAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken);
            _left -= read;
            return read;
        }

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            onDisposed(this);
        }
    }
}
