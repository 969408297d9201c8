using System.Buffers.Binary;
using System.Net.Sockets;
using GrpcPresence.Server.Settings;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace GrpcPresence.Server.Streams;

/// <summary>
/// Closes connections whose client takes nothing any more: it vanished without a word. HTTP/2 has pings for that, which HTTP/1.1 has not;
/// but what is sent is
/// acknowledged by a client that is there. A watch sends something several times a minute; where nothing is sent, TCP's own keep-alive is.
/// </summary>
internal static class DeadPeerTimeout
{
    // TCP_USER_TIMEOUT of RFC 5482, by Linux's numbers; the runtime has no name for it.
    private const int Tcp = 6;
    private const int UserTimeout = 18;

    /// <summary>
    /// Has the listener's connections closed when what they sent was not acknowledged for as long as a watch may stall: who is there and
    /// does not read has
    /// that time too.
    /// </summary>
    public static void CloseDeadPeers(this ListenOptions listen, ServerSettings settings)
    {
        if (!OperatingSystem.IsLinux())
            return; // elsewhere the system gives up by itself, after some minutes
        var milliseconds = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(milliseconds, (int)Math.Min(settings.WatchStallTimeout.TotalMilliseconds, int.MaxValue));
        var keepAliveSeconds = (int)Math.Min(settings.KeepAlivePingDelay.TotalSeconds, short.MaxValue); // the most that Linux accepts
        listen.Use(next => connection =>
        {
            if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket)
                Set(socket, milliseconds, keepAliveSeconds);
            return next(connection);
        });
    }

    /// <summary>How long the socket waits; zero for as long as the system likes.</summary>
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
        catch (Exception gone) when (gone is SocketException or ObjectDisposedException)
        {
            // The client has closed it already.
        }
    }
}
