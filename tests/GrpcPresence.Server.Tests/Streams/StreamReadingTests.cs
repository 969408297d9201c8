using Google.Protobuf;
using Grpc.Core;
using Grpc.Reflection.V1;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;
using HeartbeatStream = GrpcPresence.Server.Tests.Fixture.HeartbeatStream;

namespace GrpcPresence.Server.Tests.Streams;

/// <summary>Tests that no read is pending when a handler returns. Otherwise the next request of the connection would fail.</summary>
public sealed class StreamReadingTests
{
    private const string Path = "/presence.v1.UserService/StreamHeartbeats";

    [Fact]
    public async Task No_read_is_pending_after_a_stream_whose_service_instance_was_deleted()
    {
        await using var server = await TestServer.StartAsync();
        var service = await server.CreateServiceAsync();
        using var stream = await HeartbeatStream.OpenAsync(server, service);

        await server.Configuration.DeleteServiceInstanceAsync(new DeleteServiceInstanceRequest { ServiceSid = service });

        Assert.Equal("SERVICE_INSTANCE_NOT_FOUND", (await stream.Ended()).Reason);
        await AssertNothingIsPendingAsync(server);
    }

    [Fact]
    public async Task No_read_is_pending_after_a_stream_whose_client_did_not_begin_in_time()
    {
        var clock = new HeldClock(Core.Domain.Limits.HeartbeatStreamStart);
        await using var server = await TestServer.StartAsync(time: clock);
        using var stream = new HeartbeatStream(server.Users.StreamHeartbeats());
        clock.Release();

        Assert.Equal("STREAM_PROTOCOL_VIOLATED", (await stream.Ended()).Reason);
        await AssertNothingIsPendingAsync(server);
    }

    [Fact]
    public async Task No_read_is_pending_after_a_stream_whose_caller_was_revoked()
    {
        await using var guarded = await GuardedServer.StartAsync();
        var key = await guarded.NewKeyAsync(ApiKeyRole.Service);
        using var stream = new HeartbeatStream(guarded.UsersAs(GuardedServer.Basic(key)).StreamHeartbeats());
        await stream.SendStart(guarded.Own, endSessionsOnClose: false);
        await stream.Reply();

        await guarded.Keys.RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = key.ApiKey.Sid });
        guarded.Time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("API_KEY_REVOKED", (await stream.Ended()).Reason);
        await AssertNothingIsPendingAsync(guarded.Server);
    }

    [Fact]
    public async Task No_read_is_pending_after_a_stream_that_stopping_ended()
    {
        await using var server = await TestServer.StartAsync();
        using var stream = await HeartbeatStream.OpenAsync(server, await server.CreateServiceAsync());
        var ended = stream.Ended();

        await Barrier.Within(server.StopAsync(), "the server stopped");

        Assert.Equal("SERVER_STOPPING", (await ended).Reason);
        await AssertNothingIsPendingAsync(server);
    }

    [Theory]
    [InlineData("grpc.reflection.v1.ServerReflection")]
    [InlineData("grpc.reflection.v1alpha.ServerReflection")]
    public async Task No_read_is_pending_after_a_reflection_stream_that_stopping_ended(string service)
    {
        await using var server = await TestServer.StartAsync();
        var method = RawMethod.Of(MethodType.DuplexStreaming, service, "ServerReflectionInfo");
        using var stream = server.Invoker.AsyncDuplexStreamingCall(method, host: null, default);
        // The same message in both versions.
        await stream.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "*" }.ToByteArray(), TestRun.Token);
        Assert.True(await stream.ResponseStream.MoveNext(TestRun.Token));
        var ended = CallError.Of(() => stream.ResponseStream.MoveNext(TestRun.Token));

        await Barrier.Within(server.StopAsync(), "the server stopped");

        Assert.Equal("SERVER_STOPPING", (await ended).Reason);
        await AssertNothingIsPendingAsync(server, $"/{service}/ServerReflectionInfo");
    }

    private static async Task AssertNothingIsPendingAsync(TestServer server, string path = Path)
    {
        Assert.False(await server.Reads.IsLeftBy(path), "A read is still pending after the handler returned.");
        Assert.Empty(server.Log.Problems);
    }
}
