using Grpc.Core;
using Grpc.Net.Client;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Hosting;

public sealed class ConnectionLimitTests
{
    [Fact]
    public async Task A_connection_over_the_limit_is_closed_and_the_others_go_on()
    {
        await using var server = await TestServer.StartAsync(settings: new ServerSettings { MaxConnections = 2 });
        using var second = GrpcChannel.ForAddress(server.Address);
        using var third = GrpcChannel.ForAddress(server.Address);
        var sid = await server.CreateReachableServiceAsync();
        using var watch = Watch.Open(server, new WatchUsersRequest { ServiceSid = sid, Start = WatchStart.Now });
        await watch.Sync();
        await ListAsync(second);

        var refused = await CallError.Of(() => ListAsync(third));

        Assert.Equal((StatusCode.Unavailable, ""), (refused.Code, refused.Reason));
        await ListAsync(second);
        await server.CreateUserAsync(sid, "ada");
        Assert.Equal("ada", (await watch.NextUpdate()).User.Identity);
    }

    private static async Task ListAsync(GrpcChannel channel) =>
        await new ConfigurationService.ConfigurationServiceClient(channel)
            .ListServiceInstancesAsync(new ListServiceInstancesRequest(), cancellationToken: TestRun.Token);
}
