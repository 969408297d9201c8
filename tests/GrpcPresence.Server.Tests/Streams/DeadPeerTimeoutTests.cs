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
    public async Task A_connection_whose_client_acknowledges_nothing_is_given_up_when_a_watch_would_be()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The option is Linux's.");
        var settings = new ServerSettings { WatchStallTimeout = TimeSpan.FromSeconds(11) };
        Assert.Equal(TimeSpan.FromSeconds(11), await LookAsync(settings, DeadPeerTimeout.TimeoutOf));
    }

    [Fact]
    public async Task A_connection_on_which_nothing_is_sent_is_probed_as_often_as_others_are_pinged()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere the system has its own times.");
        var settings = new ServerSettings { KeepAlivePingDelay = TimeSpan.FromSeconds(7) };
        var seen = await LookAsync(settings, socket => (
            socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive),
            socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime),
            socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval)));
        Assert.Equal((1, 7, 7), seen);
    }

    /// <summary>What is set on the socket of a connection.</summary>
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
