using System.Net.Sockets;
using Grpc.Net.Client;

namespace GrpcPresence.Server.Security.AdminSocket;

/// <summary>The client side of the admin socket.</summary>
internal static class AdminSocketChannel
{
    /// <summary>Opens a channel through the socket at the path.</summary>
    public static GrpcChannel Open(string path) => GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
    {
        DisposeHttpClient = true,
        HttpHandler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, stop) => new NetworkStream(await ConnectAsync(path, stop), ownsSocket: true),
        },
    });

    /// <summary>Whether a server listens at the path.</summary>
    public static async Task<bool> IsServedAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            using var socket = await ConnectAsync(path, cancellationToken);
            return true;
        }
        catch (SocketException exception) when (exception.SocketErrorCode is not SocketError.AccessDenied)
        {
            return false; // the file does not exist, or a killed server left it behind
        }
    }

    private static async Task<Socket> ConnectAsync(string path, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
