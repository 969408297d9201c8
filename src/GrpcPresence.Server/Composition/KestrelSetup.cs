using System.Net;
using System.Net.Sockets;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Security.AdminSocket;
using GrpcPresence.Server.Security.Tls;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Streams.Connections;
using GrpcPresence.Server.Streams.Http2;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace GrpcPresence.Server.Composition;

/// <summary>
/// Configures the listeners. Without TLS, HTTP/2 and HTTP/1.1 cannot be negotiated, so each has its own port: one for gRPC, whose clients
/// call this prior knowledge, and one for REST and gRPC-Web.
/// </summary>
internal static class KestrelSetup
{
    /// <summary>
    /// The maximum number of streams per connection. A gateway watches for many users over one connection. With the default of 100, its
    /// further streams would wait silently. It also raises Kestrel's own limit of unfinished streams, so <see cref="FloodGuard"/> ends
    /// connections whose client resets its requests.
    /// </summary>
    private const int StreamsPerConnection = 10_000;

    /// <summary>The maximum size of one request header in bytes. All tokens that clients send are smaller.</summary>
    private const int HeaderFieldBytes = 8 * 1024;

    /// <summary>The maximum size of all headers of a request in bytes.</summary>
    private const int HeaderBytes = 16 * 1024;

    /// <summary>
    /// The maximum size of the first line of an HTTP/1.1 request in bytes. It fits a watch with the maximum number of users, named by SID.
    /// </summary>
    private const int RequestLineBytes = 64 * 1024;

    /// <summary>
    /// The bytes that a client may send on one stream before the server reads them. A heartbeat stream that waits for the store holds that
    /// much, and not Kestrel's 768 KiB. Twice the largest message of most methods. The server returns a window when it has read half of it,
    /// so a stream still carries messages of any size.
    /// </summary>
    private const int StreamWindowBytes = 128 * 1024;

    /// <summary>
    /// The bytes that a client may send on a connection before the server reads them. Streams over their quota are left unread for a
    /// moment, and must not keep the others of a shared connection from sending: this is the window of 128 of them.
    /// </summary>
    private const int ConnectionWindowBytes = 128 * StreamWindowBytes;

    /// <summary>Configures the listeners; with TLS if <paramref name="handshakes"/> is given.</summary>
    public static void Configure(
        KestrelServerOptions kestrel,
        ServerSettings settings,
        FloodGuard? floods = null,
        ConnectionLimit? connections = null,
        AcceptGate? accepts = null,
        TlsHandshakes? handshakes = null)
    {
        kestrel.AddServerHeader = false;
        // A proxy that ends TLS may pass on the scheme of its client. Kestrel would reset each of these requests. The scheme only decides
        // how the URLs in a response begin.
        kestrel.AllowAlternateSchemes = true;
        kestrel.Limits.Http2.KeepAlivePingDelay = settings.KeepAlivePingDelay;
        kestrel.Limits.Http2.KeepAlivePingTimeout = settings.KeepAlivePingTimeout;
        kestrel.Limits.Http2.MaxStreamsPerConnection = StreamsPerConnection;
        kestrel.Limits.Http2.MaxRequestHeaderFieldSize = HeaderFieldBytes;
        kestrel.Limits.Http2.InitialStreamWindowSize = StreamWindowBytes;
        kestrel.Limits.Http2.InitialConnectionWindowSize = ConnectionWindowBytes;
        kestrel.Limits.MaxConcurrentConnections = null; // ConnectionLimit counts those of all listeners together
        kestrel.Limits.MaxRequestHeadersTotalSize = HeaderBytes;
        kestrel.Limits.MaxRequestLineSize = RequestLineBytes;
        // Over HTTP/2 this rate counts for the whole connection: one stream whose client does not read would end all others. So a watch
        // ends itself, with a reason and a token, and OpenRequests bounds the responses to unary requests, each by itself.
        kestrel.Limits.MinResponseDataRate = null;
        // Over HTTP/2 it would also end the whole connection, because of one body that waits.
        kestrel.Limits.MinRequestBodyDataRate = null; // Limits.RequestBodyTime bounds each request
        var incomplete = new IncompleteMessages();
        kestrel.ConfigureEndpointDefaults(listen =>
        {
            if (accepts is not null)
                listen.Use(accepts.Count);
            listen.Use(next => connection =>
            {
                connection.Features.Set(incomplete);
                return next(connection);
            });
        });
        if (!settings.HasAdminSocketOnly)
        {
            Listen(kestrel, settings.Address, settings.Port, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                connections?.Bound(listen);
                listen.EndOnSocketErrors();
                listen.CloseDeadPeers(settings);
                if (handshakes is not null)
                    listen.UseTls(handshakes);
                floods?.Guard(listen);
            });
        }
        if (settings.ListensForRest)
        {
            Listen(kestrel, settings.Address, settings.RestPort!.Value, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                connections?.Bound(listen);
                listen.EndOnSocketErrors();
                listen.CloseDeadPeers(settings);
            });
        }
        if (settings.AdminSocket is { } path)
            AdminSocketListener.Listen(kestrel, path, listen => floods?.Guard(listen));
    }

    private static void Listen(KestrelServerOptions kestrel, ListenAddress address, int port, Action<ListenOptions> configure)
    {
        // Two families cannot share a port that the system chooses, so localhost with port 0 means one family.
        if (!address.IsLocalhost)
            kestrel.Listen(address.Ip, port, configure);
        else if (port > 0)
            kestrel.ListenLocalhost(port, configure);
        else
            kestrel.Listen(Socket.OSSupportsIPv4 ? IPAddress.Loopback : IPAddress.IPv6Loopback, port, configure);
    }
}
