using System.Net.Sockets;
using GrpcPresence.Server.Settings;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace GrpcPresence.Server.Security.AdminSocket;

/// <summary>
/// Listens on a Unix socket beside the database that only the server's own user may open. Through it the operator creates and revokes API
/// keys while the server runs, without credentials.
/// </summary>
internal static class AdminSocketListener
{
    private static readonly object Mark = new();

    /// <summary>Whether the call came through the admin socket.</summary>
    public static bool IsUsedBy(HttpContext context) =>
        context.Features.Get<IConnectionItemsFeature>() is { } connection && connection.Items.ContainsKey(Mark);

    /// <summary>Adds the listener.</summary>
    public static void Listen(KestrelServerOptions kestrel, string path) => kestrel.ListenUnixSocket(path, listen =>
    {
        listen.Protocols = HttpProtocols.Http2;
        listen.Use(next => connection =>
        {
            connection.Items[Mark] = Mark;
            return next(connection);
        });
    });

    /// <summary>
    /// Creates the socket of an end point. The admin socket gets its owner-only mode before it accepts connections. An existing file was
    /// left behind by a killed server: the server holds the lock of the database, so no other server uses the socket.
    /// </summary>
    public static Socket Bind(System.Net.EndPoint endPoint)
    {
        if (endPoint is not UnixDomainSocketEndPoint unix)
            return SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
        var path = unix.ToString();
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        // A socket has length 0. A file with content belongs to something else and must not be deleted.
        if (new FileInfo(path) is { Exists: true, Length: > 0 })
        {
            throw SettingsException.For(
                nameof(ServerSettings.AdminSocket), path, "is a file with content. Choose a path that is free or has a socket");
        }
        File.Delete(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(unix);
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
