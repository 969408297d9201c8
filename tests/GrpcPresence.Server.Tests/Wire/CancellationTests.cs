using Grpc.Core;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Microsoft.AspNetCore.Builder;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Wire;

/// <summary>Tests that cancelling a call releases everything that the call holds on the server.</summary>
public sealed class CancellationTests
{
    [Fact]
    public async Task A_cancelled_watch_is_no_longer_open()
    {
        await using var server = await TestServer.StartAsync();
        var watch = Watch.Open(server, new WatchUsersRequest { ServiceSid = await server.CreateReachableServiceAsync() });
        await watch.Sync();
        var none = server.Get<ActiveStreams>().WhenNoneActive();
        Assert.NotNull(none);

        watch.Dispose();

        await Barrier.Within(none, "the server noticed that the watch was cancelled");
        await server.StopAsync();
        Assert.Empty(server.Log.Problems);
    }

    [Fact]
    public async Task A_cancelled_heartbeat_stream_is_no_longer_open()
    {
        await using var server = await TestServer.StartAsync();
        var stream = await HeartbeatStream.OpenAsync(server, await server.CreateReachableServiceAsync());
        var none = server.Get<ActiveStreams>().WhenNoneActive();
        Assert.NotNull(none);

        stream.Dispose();

        await Barrier.Within(none, "the server noticed that the stream was cancelled");
        await server.StopAsync();
        Assert.Empty(server.Log.Problems);
    }

    [Fact]
    public async Task A_cancelled_unary_call_ends_although_its_change_is_not_written_yet_and_is_not_logged()
    {
        var ended = new Barrier("the server ended the call");
        await using var server = await TestServer.StartAsync(map: app => app.Use(async (http, next) =>
        {
            await next(http);
            if (http.Request.Path.Value!.EndsWith("/Heartbeat", StringComparison.Ordinal))
                ended.Reach();
        }));
        var service = await server.CreateReachableServiceAsync();
        using var patience = new CancellationTokenSource();
        server.Store.Faults.HoldOperations(hold: true);
        var held = server.Store.Faults.NextStall();
        var call = server.Users.HeartbeatAsync(
            new() { ServiceSid = service, UserKey = "ada", SessionId = "s1" }, cancellationToken: patience.Token);
        await Barrier.Within(held, "the writer waits for the store");

        await patience.CancelAsync();

        Assert.Equal(StatusCode.Cancelled, (await CallError.Of(call)).Code);
        await ended.Wait();
        server.Store.Faults.Clear();
        await server.StopAsync();
        Assert.Empty(server.Log.Problems);
    }
}
