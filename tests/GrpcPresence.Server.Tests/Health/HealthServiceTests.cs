using Grpc.Core;
using Grpc.Health.V1;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using static Grpc.Health.V1.HealthCheckResponse.Types;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;
using HealthClient = Grpc.Health.V1.Health.HealthClient;

namespace GrpcPresence.Server.Tests.Health;

public sealed class HealthServiceTests
{
    [Theory]
    [InlineData("")]
    [InlineData("presence.v1.UserService")]
    [InlineData("presence.v1.ConfigurationService")]
    [InlineData("presence.v1.ApiKeyService")]
    [InlineData("presence.storage")]
    public async Task Every_part_serves_at_the_start(string name)
    {
        await using var server = await TestServer.StartAsync();

        var response = await new HealthClient(server.Invoker).CheckAsync(new HealthCheckRequest { Service = name });

        Assert.Equal(ServingStatus.Serving, response.Status);
    }

    [Fact]
    public async Task An_unknown_name_is_not_found_by_a_check_and_unknown_to_a_watch()
    {
        await using var server = await TestServer.StartAsync();
        var client = new HealthClient(server.Invoker);
        var request = new HealthCheckRequest { Service = "nonsense" };

        Assert.Equal(StatusCode.NotFound, (await CallError.Of(client.CheckAsync(request))).Code);
        using var watch = client.Watch(request);
        Assert.Equal(ServingStatus.ServiceUnknown, await NextAsync(watch));
    }

    [Fact]
    public async Task All_names_are_listed()
    {
        await using var server = await TestServer.StartAsync();

        var list = await new HealthClient(server.Invoker).ListAsync(new HealthListRequest());

        Assert.Equal(
            ["", "presence.storage", "presence.v1.ApiKeyService", "presence.v1.ConfigurationService", "presence.v1.UserService"],
            list.Statuses.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_store_stops_serving_when_it_fails_and_the_rest_does_not()
    {
        await using var server = await TestServer.StartAsync();
        var client = new HealthClient(server.Invoker);
        using var watch = client.Watch(new HealthCheckRequest { Service = "presence.storage" });
        Assert.Equal(ServingStatus.Serving, await NextAsync(watch));

        server.Store.Faults.FailAllOperations(fail: true);
        var error = await CallError.Of(server.Configuration.CreateServiceInstanceAsync(new CreateServiceInstanceRequest()));
        Assert.Equal("STORAGE_UNAVAILABLE", error.Reason);
        Assert.Equal(ServingStatus.NotServing, await NextAsync(watch));
        Assert.Equal(ServingStatus.Serving, (await client.CheckAsync(new HealthCheckRequest())).Status);

        server.Store.Faults.FailAllOperations(fail: false);
        await server.CreateServiceAsync();
        Assert.Equal(ServingStatus.Serving, await NextAsync(watch));
    }

    [Fact]
    public async Task A_watch_is_notified_of_the_drain_and_ends()
    {
        var clock = new HeldClock(StreamDrain.Pause);
        await using var server = await TestServer.StartAsync(time: clock);
        using var watch = new HealthClient(server.Invoker).Watch(new HealthCheckRequest());
        Assert.Equal(ServingStatus.Serving, await NextAsync(watch));

        var stopped = server.StopAsync();

        Assert.Equal(ServingStatus.NotServing, await NextAsync(watch));
        var error = await CallError.Of(() => NextAsync(watch));
        Assert.Equal((StatusCode.Unavailable, "SERVER_STOPPING"), (error.Code, error.Reason));
        Assert.NotNull(error.RetryInfo);
        clock.Release();
        await Barrier.Within(stopped, "the server stops");
    }

    private static async Task<ServingStatus> NextAsync(AsyncServerStreamingCall<HealthCheckResponse> watch)
    {
        Assert.True(await watch.ResponseStream.MoveNext(TestRun.Token));
        return watch.ResponseStream.Current.Status;
    }
}
