using Grpc.Core;
using GrpcPresence.Server.Security.AdminSocket;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Streams;

/// <summary>Tests that a stream ends when its caller loses access, for example by a revocation or when the token expires.</summary>
public sealed class CallerStreamTests : IAsyncLifetime
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private GuardedServer _guarded = null!;
    private CreateApiKeyResponse _key = null!;

    public async ValueTask InitializeAsync()
    {
        _guarded = await GuardedServer.StartAsync();
        _key = await _guarded.NewKeyAsync(ApiKeyRole.Service);
    }

    public ValueTask DisposeAsync() => _guarded.DisposeAsync();

    [Theory]
    [InlineData(WatchTransport.Grpc)]
    [InlineData(WatchTransport.Events)]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task Keys_A_watch_ends_within_a_second_of_the_revocation_with_its_resume_token(WatchTransport transport)
    {
        using var watch = OpenWatch(GuardedServer.Basic(_key), transport);
        await watch.Sync();

        await RevokeAsync();
        _guarded.Time.Advance(Second);

        var error = await watch.Ended();
        Assert.Equal((StatusCode.Unauthenticated, "API_KEY_REVOKED", watch.Token),
            (error.Code, error.Reason, error.Metadata["resume_token"]));
    }

    [Fact]
    public async Task Keys_A_heartbeat_stream_ends_within_a_second_of_the_revocation_and_ends_no_session()
    {
        using var stream = await OpenHeartbeatsAsync(GuardedServer.Basic(_key), "alice");

        await RevokeAsync();
        _guarded.Time.Advance(Second);

        Assert.Equal("API_KEY_REVOKED", await ReasonOf(stream));
        var sessions = await _guarded.UsersAs(_guarded.Admin).ListSessionsAsync(
            new ListSessionsRequest { ServiceSid = _guarded.Own, UserKey = "alice" });
        Assert.True(
            sessions.Sessions.Single().LeaseExpireTime.ToDateTimeOffset() > _guarded.Time.GetUtcNow() + TimeSpan.FromSeconds(60),
            "The server shortened the lease, as if the client had closed the stream.");
    }

    [Fact]
    public async Task Keys_Streams_of_other_keys_continue()
    {
        using var watch = OpenWatch(_guarded.Admin);
        await watch.Sync();

        await RevokeAsync();
        _guarded.Time.Advance(Second);

        await _guarded.UsersAs(_guarded.Admin).HeartbeatAsync(
            new HeartbeatRequest { ServiceSid = _guarded.Own, UserKey = "alice", SessionId = "s" });
        Assert.Equal("alice", (await watch.NextUpdate()).User.Identity);
    }

    [Theory]
    [InlineData(WatchTransport.Grpc)]
    [InlineData(WatchTransport.Events)]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task Tokens_A_watch_ends_when_its_token_expires_with_its_resume_token(WatchTransport transport)
    {
        using var watch = OpenWatch(_guarded.Bearer(_key, "alice", lifetime: TimeSpan.FromMinutes(1)), transport);
        await watch.Sync();

        _guarded.Time.Advance(TimeSpan.FromMinutes(1) + Second);

        var error = await watch.Ended();
        Assert.Equal((StatusCode.Unauthenticated, "ACCESS_TOKEN_EXPIRED", watch.Token),
            (error.Code, error.Reason, error.Metadata["resume_token"]));
        using var resumed = new GrpcWatch(_guarded.UsersAs(_guarded.Bearer(_key, "alice")).WatchUsers(
            new WatchUsersRequest { ServiceSid = _guarded.Own, ResumeToken = watch.Token }));
        Assert.DoesNotContain(await resumed.Sync(), message => message.Reset is not null);
    }

    [Fact]
    public async Task Tokens_A_heartbeat_stream_ends_when_its_token_expires()
    {
        using var stream = await OpenHeartbeatsAsync(_guarded.Bearer(_key, "alice", lifetime: TimeSpan.FromMinutes(1)), "alice");

        _guarded.Time.Advance(TimeSpan.FromMinutes(1) + Second);

        Assert.Equal("ACCESS_TOKEN_EXPIRED", await ReasonOf(stream));
    }

    [Theory]
    [InlineData(WatchTransport.Grpc)]
    [InlineData(WatchTransport.Events)]
    [InlineData(WatchTransport.GrpcWeb)]
    [InlineData(WatchTransport.GrpcWebText)]
    public async Task Tokens_A_stream_ends_when_its_issuer_is_revoked(WatchTransport transport)
    {
        using var watch = OpenWatch(_guarded.Bearer(_key, "alice"), transport);
        await watch.Sync();

        await RevokeAsync();
        _guarded.Time.Advance(Second);

        Assert.Equal("API_KEY_REVOKED", (await watch.Ended()).Reason);
    }

    [Fact]
    public async Task Tokens_A_heartbeat_of_another_user_ends_the_stream_and_renews_nothing()
    {
        using var stream = await OpenHeartbeatsAsync(_guarded.Bearer(_key, "alice"), "alice");
        await stream.RequestStream.TryWriteAsync(BeatOf("bob"));

        Assert.Equal("PERMISSION_DENIED", await ReasonOf(stream));
        var error = await CallError.Of(
            _guarded.UsersAs(_guarded.Admin).GetUserAsync(new GetUserRequest { ServiceSid = _guarded.Own, UserKey = "bob" }));
        Assert.Equal("USER_NOT_FOUND", error.Reason);
    }

    [Fact]
    public async Task Default_Streams_of_anonymous_callers_end_when_the_first_key_is_created()
    {
        using var directory = new GrpcPresence.Testing.TemporaryDirectory();
        var time = new FakeTimeProvider();
        var socket = directory.File("operator.sock");
        await using var server = await TestServer.StartAsync(
            time: time, settings: new() { Port = 0, AdminSocket = socket, SecretFile = directory.File("secret") });
        using var watch = Watch.Open(server, new WatchUsersRequest { ServiceSid = await server.CreateServiceAsync() });
        await watch.Sync();

        using var channel = AdminSocketChannel.Open(socket);
        await new ApiKeyService.ApiKeyServiceClient(channel).CreateApiKeyAsync(
            new CreateApiKeyRequest { Role = ApiKeyRole.Admin }, cancellationToken: TestRun.Token);
        time.Advance(Second);

        Assert.Equal("CREDENTIALS_REQUIRED", (await watch.Ended()).Reason);
    }

    private Watch OpenWatch(string authorization, WatchTransport transport = WatchTransport.Grpc)
    {
        var request = new WatchUsersRequest { ServiceSid = _guarded.Own };
        return transport == WatchTransport.Events
            ? EventWatch.Open(_guarded.Server, request, authorization)
            : new GrpcWatch(_guarded.UsersAs(authorization, transport).WatchUsers(request));
    }

    private async Task RevokeAsync() => await _guarded.Keys.RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = _key.ApiKey.Sid });

    private async Task<AsyncDuplexStreamingCall<StreamHeartbeatsRequest,
        StreamHeartbeatsResponse>> OpenHeartbeatsAsync(string authorization, string user)
    {
        var stream = _guarded.UsersAs(authorization).StreamHeartbeats();
        await stream.RequestStream.WriteAsync(new StreamHeartbeatsRequest
        {
            Start = new HeartbeatStreamStart { ServiceSid = _guarded.Own, EndSessionsOnClose = true },
        });
        Assert.True(await stream.ResponseStream.MoveNext(TestRun.Token));
        await stream.RequestStream.WriteAsync(BeatOf(user));
        Assert.True(await stream.ResponseStream.MoveNext(TestRun.Token));
        Assert.Equal(1, stream.ResponseStream.Current.Accepted);
        return stream;
    }

    private static StreamHeartbeatsRequest BeatOf(string user) =>
        new() { Beats = new HeartbeatStreamBeats { Beats = { new SessionBeat { UserKey = user, SessionId = "s" } } } };

    private static async Task<string> ReasonOf(AsyncDuplexStreamingCall<StreamHeartbeatsRequest, StreamHeartbeatsResponse> stream)
    {
        var ended = CallError.Of(() => stream.ResponseStream.MoveNext(TestRun.Token));
        await Fixture.Barrier.Within(ended, "the server ended the heartbeat stream");
        return (await ended).Reason;
    }
}
