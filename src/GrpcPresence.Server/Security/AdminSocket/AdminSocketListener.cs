using System.Net;
using System.Net.Sockets;
using GrpcPresence.Server.Settings;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace GrpcPresence.Server.Security.AdminSocket;

/// <summary>
/// Listens on a Unix socket beside the database that only the server's own user may open. Through it the operator creates and revokes API
/// keys while the server runs, without credentials.
/// </summary>
internal static class AdminSocketListener
{
    /// <summary>Whether the call came through the admin socket.</summary>
    public static bool IsUsedBy(HttpContext context) => ConnectionFeature<Mark>.Of(context) is not null;

    /// <summary>Adds the listener.</summary>
    public static void Listen(KestrelServerOptions kestrel, string path, Action<ListenOptions> configure) =>
        kestrel.ListenUnixSocket(path, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.Use(next => connection =>
            {
                connection.Features.Set(new Mark());
                return next(connection);
            });
            configure(listen);
        });

    /// <summary>
    /// Creates the socket of an end point. The admin socket gets its owner-only mode before it accepts connections. It replaces a socket
    /// that a killed server left behind, and nothing else.
    /// </summary>
    /// <exception cref="SettingsException">The admin socket cannot be created.</exception>
    public static Socket Bind(EndPoint endPoint)
    {
        if (endPoint is not UnixDomainSocketEndPoint unix)
            return SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
        var path = unix.ToString();
        if (FindObstacle(path) is { } problem)
            throw Refused(path, problem);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            File.Delete(path);
            socket.Bind(unix);
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            return socket;
        }
        catch (Exception exception) when (exception is SocketException or IOException or UnauthorizedAccessException)
        {
            socket.Dispose();
            throw Refused(path, $"cannot be created ({exception.Message}). Choose a path in a directory of the server's user");
        }
    }

    private static string? FindObstacle(string path)
    {
        if (!Directory.Exists(Path.GetDirectoryName(path)))
            return "is in a directory that does not exist. Create the directory, or choose another path";
        if (new FileInfo(path) is { LinkTarget: not null } link && link.ResolveLinkTarget(returnFinalTarget: true) is { Exists: false })
            return "is a link that leads nowhere. Remove it, or choose another path";
        return FileKinds.Of(path) switch
        {
            FileKind.Unknown when !File.Exists(path) => null,
            FileKind.Unknown or FileKind.Socket => IsAbandoned(path) ? null : "is a socket that another program uses. Choose another path",
            _ => "is a file, and not a socket. Choose a path that is free or has an unused socket",
        };
    }

    // Only the refusal says that nobody listens. A full queue or a missing permission does not.
    private static bool IsAbandoned(string path)
    {
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            client.Connect(new UnixDomainSocketEndPoint(path));
            return false;
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode == SocketError.ConnectionRefused;
        }
    }

    private static SettingsException Refused(string path, string problem) =>
        SettingsException.For(nameof(ServerSettings.AdminSocket), path, problem);

    private sealed class Mark;
}
