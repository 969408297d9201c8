using System.Net.Sockets;
using Grpc.Net.Client;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Composition;

public sealed class ConnectionLimitTests
{
    [Fact]
    public async Task A_connection_over_the_limit_is_closed_and_the_others_go_on()
    {
        await using var server = await TestServer.StartAsync(settings: new ServerSettings { MaxConnections = 2 });
        using var second = server.OpenChannel();
        var sid = await server.CreateReachableServiceAsync();
        using var watch = Watch.Open(server, new WatchUsersRequest { ServiceSid = sid, Start = WatchStart.Now });
        await watch.Sync();
        await ListAsync(second);

        // Uses a raw socket. If a connection ends before the HTTP/2 handshake, the error of a gRPC client depends on timing.
        using var third = new TcpClient();
        await third.ConnectAsync(server.Address.Host, server.Address.Port, TestRun.Token);
        var read = third.GetStream().ReadAsync(new byte[1], TestRun.Token).AsTask();
        await Barrier.Within(read, "the server closed the connection");

        Assert.Equal(0, await read);
        await ListAsync(second);
        await server.CreateUserAsync(sid, "ada");
        Assert.Equal("ada", (await watch.NextUpdate()).User.Identity);
    }

    [Fact]
    public async Task The_oldest_connection_without_credentials_gives_way_to_a_new_one()
    {
        await using var server = await TestServer.StartAsync(settings: new ServerSettings { MaxConnections = 2 });
        await ListAsync(server.Channel);
        using var idle = new TcpClient();
        await idle.ConnectAsync(server.Address.Host, server.Address.Port, TestRun.Token);

        using var later = server.OpenChannel();
        await ListAsync(later);

        await Barrier.Within(ReadToEndAsync(idle), "the server closed the idle connection");
        await ListAsync(server.Channel);
    }

    [Fact]
    public async Task The_ports_share_one_limit()
    {
        await using var server = await TestServer.StartAsync(settings: new ServerSettings { MaxConnections = 1 });
        await ListAsync(server.Channel);

        await Assert.ThrowsAsync<HttpRequestException>(() => server.Rest.GetAsync("/openapi/v1.json", TestRun.Token));

        await ListAsync(server.Channel);
    }

    private static async Task ReadToEndAsync(TcpClient client)
    {
        try
        {
            while (await client.GetStream().ReadAsync(new byte[1024], TestRun.Token) > 0)
            {
            }
        }
        catch (IOException)
        {
            // The server reset the connection.
        }
    }

    private static async Task ListAsync(GrpcChannel channel) =>
        await new ConfigurationService.ConfigurationServiceClient(channel)
            .ListServiceInstancesAsync(new ListServiceInstancesRequest(), cancellationToken: TestRun.Token);
}
