using GrpcPresence.Server.Security.AdminSocket;
using GrpcPresence.Server.Security.Tls;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Streams;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace GrpcPresence.Server.Composition;

/// <summary>
/// The listeners. Without TLS nothing tells HTTP/2 from HTTP/1.1, so each has a port: one for gRPC, whose clients call that prior knowledge, and one
/// for REST and gRPC-Web.
/// </summary>
internal static class KestrelSetup
{
    /// <summary>A gateway watches for many users over one connection; the default of 100 would make it wait without a sign.</summary>
    private const int StreamsPerConnection = 10_000;

    /// <summary>Bytes of one request header: no token that clients send is larger.</summary>
    private const int HeaderFieldBytes = 8 * 1024;

    /// <summary>Bytes of all headers of a request.</summary>
    private const int HeaderBytes = 16 * 1024;

    /// <summary>Bytes of the first line of a request of HTTP/1.1: a watch names as many users there as it may, by their SIDs.</summary>
    private const int RequestLineBytes = 64 * 1024;

    /// <summary>Sets the listener up; with TLS if there are handshakes for it.</summary>
    public static void Configure(KestrelServerOptions kestrel, ServerSettings settings, TlsHandshakes? handshakes = null)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.Http2.KeepAlivePingDelay = settings.KeepAlivePingDelay;
        kestrel.Limits.Http2.KeepAlivePingTimeout = settings.KeepAlivePingTimeout;
        kestrel.Limits.Http2.MaxStreamsPerConnection = StreamsPerConnection;
        kestrel.Limits.Http2.MaxRequestHeaderFieldSize = HeaderFieldBytes;
        kestrel.Limits.MaxConcurrentConnections = settings.MaxConnections;
        kestrel.Limits.MaxRequestHeadersTotalSize = HeaderBytes;
        kestrel.Limits.MaxRequestLineSize = RequestLineBytes;
        // A watch whose client reads slowly is ended by the watch itself, with a reason and a token. Streams of requests have no least rate
        // either: gRPC switches it off for them, and keeps it for unary calls, whose bodies must come in.
        kestrel.Limits.MinResponseDataRate = null;
        if (!settings.HasAdminSocketOnly)
        {
            kestrel.Listen(settings.Address, settings.Port, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                listen.EndOnSocketErrors();
                listen.CloseDeadPeers(settings);
                if (handshakes is not null)
                    listen.UseTls(handshakes);
            });
        }
        if (settings.ListensForRest)
        {
            kestrel.Listen(settings.Address, settings.RestPort!.Value, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.EndOnSocketErrors();
                listen.CloseDeadPeers(settings);
            });
        }
        if (settings.AdminSocket is { } path)
            AdminSocketListener.Listen(kestrel, path);
    }
}
