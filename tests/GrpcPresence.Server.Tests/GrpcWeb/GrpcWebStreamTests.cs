using Grpc.Core;
using GrpcPresence.Server.Grpc.Services;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.GrpcWeb;

/// <summary>Watches whose client does not read.</summary>
public sealed class GrpcWebStreamTests
{
    [Theory]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task A_client_that_does_not_read_is_cut_off_when_its_watch_ends(WatchTransport transport)
    {
        var blocked = new Barrier("the server waited for its client to read");
        // The grace period for pending writes ends immediately. No other timer runs on this clock.
        var clock = new HeldClock(WatchUsersHandler.WriteGrace);
        clock.Release();
        await using var server = await TestServer.StartAsync(
            map: app => app.Use((http, next) => BlockAsync(http, next, blocked)), time: clock);
        var service = await server.CreateServiceAsync();
        using var watch = Watch.Open(server, new WatchUsersRequest { ServiceSid = service }, transport);
        var ended = watch.Ended();
        await blocked.Wait();

        await server.Configuration.DeleteServiceInstanceAsync(new DeleteServiceInstanceRequest { ServiceSid = service });

        await Barrier.Within(server.Get<ActiveStreams>().WhenNoneActive() ?? Task.CompletedTask, "the stream ended");
        // The reason is lost, because it follows data that the client did not read.
        Assert.NotEqual(StatusCode.NotFound, (await ended).Code);
        Assert.Empty(server.Log.Problems);
    }

    // Simulates a client that does not read: no write of the watch completes.
    private static async Task BlockAsync(HttpContext http, RequestDelegate next, Barrier blocked)
    {
        if (http.Request.Path == "/presence.v1.UserService/WatchUsers")
        {
            var response = http.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
            var stream = new BlockedStream(blocked, http.RequestAborted);
            http.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(stream, response));
        }
        await next(http);
    }

    private sealed class BlockedStream(Barrier blocked, CancellationToken aborted) : MemoryStream
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            blocked.Reach();
            await Task.Delay(Timeout.InfiniteTimeSpan, aborted);
        }
    }
}
