using System.Net.Sockets;
using Grpc.Net.Client;
using GrpcPresence.Client.Telemetry;
using Microsoft.Extensions.Logging.Abstractions;

namespace GrpcPresence.Client.Connections;

/// <summary>
/// Creates the HTTP handlers of a client, one for each of its two connections. A handler opens a connection for a call that finds none, and
/// the call fails if that fails. Then the delays of the client alone decide when it connects.
/// </summary>
/// <param name="options">The settings of the client.</param>
internal sealed class Transport(PresenceClientOptions options)
{
    // Only for a handler that the program has used before. Its connections stay those of gRPC.
    private static readonly TimeSpan ChannelBackoff = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new(); // guards the fields below; nothing is called under it
    private readonly List<HttpMessageHandler> _handlers = [];
    private readonly HashSet<Connection> _connections = [];

    /// <summary>The handlers so far. The client disposes of them.</summary>
    public IReadOnlyList<HttpMessageHandler> Handlers
    {
        get
        {
            lock (_gate)
                return [.. _handlers];
        }
    }

    /// <summary>Creates the handler of one connection.</summary>
    public HttpMessageHandler NewHandler()
    {
        var handler = options.HttpHandlerFactory?.Invoke() ?? new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(10),
            // With access tokens each user has a stream. A proxy may accept no more than a hundred on one connection, and the others
            // would wait without end.
            EnableMultipleHttp2Connections = true,
            // A network that dies without a FIN is noticed by its silence.
            KeepAlivePingDelay = TimeSpan.FromSeconds(20),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
        };
        TakeOverConnecting(handler);
        lock (_gate)
            _handlers.Add(handler);
        return handler;
    }

    /// <summary>Configures the channel of one connection.</summary>
    public void Configure(GrpcChannelOptions channel)
    {
        channel.LoggerFactory = options.LoggerFactory is { } loggers ? new TransportLoggerFactory(loggers) : NullLoggerFactory.Instance;
        channel.InitialReconnectBackoff = ChannelBackoff;
        channel.MaxReconnectBackoff = ChannelBackoff;
        // A watch sends up to 500 users or about 1 MiB at a time. The default limit of 4 MiB fits.
    }

    /// <summary>
    /// Breaks all connections. After a suspension the server has closed them, and the machine may be in another network: without an answer
    /// of any kind, they would look alive until a ping has gone unanswered, for 30 s. Connections of a program's ConnectCallback stay.
    /// </summary>
    public void BreakConnections()
    {
        Connection[] connections;
        lock (_gate)
            connections = [.. _connections];
        foreach (var connection in connections)
            connection.Dispose();
    }

    // Where a SocketsHttpHandler has no ConnectCallback, gRPC connects by itself, with waits of its own of up to two minutes. In between
    // all calls fail at once, and so does the first attempt of the client after the server has returned. See ADR 20.
    private void TakeOverConnecting(HttpMessageHandler handler)
    {
        HttpMessageHandler? inner = handler;
        while (inner is DelegatingHandler outer)
            inner = outer.InnerHandler;
        if (inner is not SocketsHttpHandler { ConnectCallback: null } sockets)
            return;
        try
        {
            sockets.ConnectCallback = ConnectAsync;
        }
        catch (InvalidOperationException)
        {
            // The program has sent requests through it.
        }
    }

    // As a SocketsHttpHandler without a callback does it.
    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        var connection = new Connection(socket, Forget);
        lock (_gate)
            _connections.Add(connection);
        return connection;
    }

    private void Forget(Connection connection)
    {
        lock (_gate)
            _connections.Remove(connection);
    }

    private sealed class Connection(Socket socket, Action<Connection> onDisposed) : NetworkStream(socket, ownsSocket: true)
    {
        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            onDisposed(this);
        }
    }
}
