using System.Net.Sockets;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace GrpcPresence.Server.Tests.Streams;

public sealed class DeadPeerTimeoutTests
{
    [Fact]
    public async Task A_connection_without_acknowledgements_is_closed_after_the_time_limit_of_a_stalled_watch()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux has this socket option.");
        var settings = new ServerSettings { WatchStallTimeout = TimeSpan.FromSeconds(11) };
        Assert.Equal(TimeSpan.FromSeconds(11), await LookAsync(settings, DeadPeerTimeout.TimeoutOf));
    }

    [Fact]
    public async Task An_idle_connection_is_probed_at_the_interval_of_pings()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems use their own probe intervals.");
        var settings = new ServerSettings { KeepAlivePingDelay = TimeSpan.FromSeconds(7) };
        var seen = await LookAsync(settings, socket => (
            socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive),
            socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime),
            socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval)));
        Assert.Equal((1, 7, 7), seen);
    }

    /// <summary>Returns what the function reads from the socket of a new connection.</summary>
    private static async Task<T?> LookAsync<T>(ServerSettings settings, Func<Socket, T> look)
    {
        T? seen = default;
        await using var server = await TestServer.StartAsync(
            map: app => app.MapGet("/socket", (HttpContext http) =>
                { seen = look(http.Features.Get<IConnectionSocketFeature>()!.Socket); }),
            settings: settings);
        using var answer = await server.Rest.GetAsync(new Uri("/socket", UriKind.Relative), TestRun.Token);
        return seen;
    }
}
