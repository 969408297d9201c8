using System.Text;
using Grpc.Core;
using Grpc.Net.Client;

namespace GrpcPresence.Samples;

/// <summary>Opens a channel to the server.</summary>
internal static class PresenceChannel
{
    /// <summary>Opens a channel. The key is "SID:secret", or null for a server without credentials.</summary>
    public static GrpcChannel Open(Uri address, string? key)
    {
        // gRPC sends no credentials in the clear. The exception is loopback, where the server listens without TLS by default.
        if (key is not null && address is { Scheme: "http", IsLoopback: false })
            throw new ArgumentException($"{address} must be an https address, because an API key must not be sent in the clear.");
        return GrpcChannel.ForAddress(address, new GrpcChannelOptions
        {
            Credentials = WithKey(address.Scheme == "https" ? ChannelCredentials.SecureSsl : ChannelCredentials.Insecure, key),
            UnsafeUseInsecureChannelCallCredentials = address.IsLoopback,
            HttpHandler = new SocketsHttpHandler
            {
                // A network that dies without a FIN is noticed by its silence.
                KeepAlivePingDelay = TimeSpan.FromSeconds(20),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
            },
        });
    }

    private static ChannelCredentials WithKey(ChannelCredentials channel, string? key)
    {
        if (key is null)
            return channel;
        var basic = $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(key))}";
        return ChannelCredentials.Create(channel, CallCredentials.FromInterceptor((_, metadata) =>
        {
            metadata.Add("authorization", basic);
            return Task.CompletedTask;
        }));
    }
}
