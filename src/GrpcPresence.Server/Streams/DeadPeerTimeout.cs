using System.Buffers.Binary;
using System.Net.Sockets;
using GrpcPresence.Server.Settings;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace GrpcPresence.Server.Streams;

/// <summary>
/// Closes connections whose client vanished without closing them. HTTP/2 detects this with pings; HTTP/1.1 has none. TCP detects it when
/// the client does not acknowledge sent data. A watch sends data several times a minute. On an idle connection, TCP sends keep-alive
/// probes.
/// </summary>
internal static class DeadPeerTimeout
{
    // TCP_USER_TIMEOUT (RFC 5482) as Linux numbers it. .NET has no name for this option.
    private const int Tcp = 6;
    private const int UserTimeout = 18;

    /// <summary>
    /// Closes a connection when the client has not acknowledged sent data for as long as a watch may stall. A client that is alive but does
    /// not read gets the same time.
    /// </summary>
    public static void CloseDeadPeers(this ListenOptions listen, ServerSettings settings)
    {
        if (!OperatingSystem.IsLinux())
            return; // other systems give up by themselves after some minutes
        var milliseconds = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(milliseconds, (int)Math.Min(settings.WatchStallTimeout.TotalMilliseconds, int.MaxValue));
        var keepAliveSeconds = (int)Math.Min(settings.KeepAlivePingDelay.TotalSeconds, short.MaxValue); // the maximum on Linux
        listen.Use(next => connection =>
        {
            if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket)
                Set(socket, milliseconds, keepAliveSeconds);
            return next(connection);
        });
    }

    /// <summary>Returns how long the socket waits for an acknowledgement. Zero means the system's default.</summary>
    internal static TimeSpan TimeoutOf(Socket socket)
    {
        var milliseconds = new byte[sizeof(int)];
        socket.GetRawSocketOption(Tcp, UserTimeout, milliseconds);
        return TimeSpan.FromMilliseconds(BinaryPrimitives.ReadInt32LittleEndian(milliseconds));
    }

    private static void Set(Socket socket, byte[] milliseconds, int keepAliveSeconds)
    {
        try
        {
            socket.SetRawSocketOption(Tcp, UserTimeout, milliseconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, keepAliveSeconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, keepAliveSeconds);
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The client has already closed the connection.
        }
    }
}
