using System.Net.Sockets;
using GrpcPresence.Server.Settings;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace GrpcPresence.Server.Security.AdminSocket;

/// <summary>
/// A socket in the file system, beside the database, that only the user of the server may open: through it the operator makes and revokes
/// API keys while the server runs, without any.
/// </summary>
internal static class AdminSocketListener
{
    private static readonly object Mark = new();

    /// <summary>Whether the call came through the socket.</summary>
    public static bool IsUsedBy(HttpContext context) =>
        context.Features.Get<IConnectionItemsFeature>() is { } connection && connection.Items.ContainsKey(Mark);

    /// <summary>Listens on it.</summary>
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
    /// Makes the socket of an end point: that of this one is the owner's alone before anybody can open it. A file that is there was left by
    /// a server that was killed: whoever holds the lock of the database has no other beside it.
    /// </summary>
    public static Socket Bind(System.Net.EndPoint endPoint)
    {
        if (endPoint is not UnixDomainSocketEndPoint unix)
            return SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
        var path = unix.ToString();
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        // No socket has a length. What has one was put there by somebody who means another file.
        if (new FileInfo(path) is { Exists: true, Length: > 0 })
            throw new SettingsException($"{ServerSettings.Section}:{nameof(ServerSettings.AdminSocket)} names '{path}', which is no socket.");
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
