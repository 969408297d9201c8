using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Health.V1;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Grpc;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.GrpcWeb;

/// <summary>Tests what gRPC-Web shares with gRPC, and what it does not support.</summary>
public sealed class GrpcWebCallTests : IAsyncLifetime
{
    private const string Users = "/presence.v1.UserService/";

    private TestServer _server = null!;

    public static TheoryData<WatchTransport> Modes => [WatchTransport.GrpcWeb, WatchTransport.GrpcWebText];

    /// <summary>The paths of all methods that take a stream of requests.</summary>
    public static TheoryData<string> RequestStreams => [.. GrpcEndpoints.All
        .SelectMany(service => service.Methods)
        .Where(method => method.IsClientStreaming)
        .Select(method => $"/{method.Service.FullName}/{method.Name}")];

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task A_unary_call_answers(WatchTransport mode)
    {
        var service = await _server.CreateServiceAsync();
        var users = new UserService.UserServiceClient(_server.InvokerOver(mode));

        // Each length needs a different padding.
        foreach (var name in new[] { "a", "ab", "abc", "Jürgen", new string('x', 200) })
        {
            var created = await users.CreateUserAsync(new CreateUserRequest { ServiceSid = service, Identity = name, FriendlyName = name });
            var read = await users.GetUserAsync(new GetUserRequest { ServiceSid = service, UserKey = created.User.Sid });
            Assert.Equal((name, name), (read.User.Identity, read.User.FriendlyName));
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task A_rejection_has_its_details(WatchTransport mode)
    {
        var users = new UserService.UserServiceClient(_server.InvokerOver(mode));

        var malformed = await CallError.Of(users.HeartbeatAsync(new HeartbeatRequest { SessionId = "no session id" }));
        var service = await _server.CreateServiceAsync();
        var unknown = await CallError.Of(users.GetUserAsync(new GetUserRequest { ServiceSid = service, UserKey = "Jürgen" }));

        Assert.Equal((StatusCode.InvalidArgument, "FIELD_REQUIRED"), (malformed.Code, malformed.Reason));
        Assert.Equal(["service_sid", "user_key", "session_id"], malformed.Fields);
        Assert.Equal((StatusCode.NotFound, "USER_NOT_FOUND", "Jürgen"), (unknown.Code, unknown.Reason, unknown.Metadata["user_key"]));
    }

    [Theory]
    [MemberData(nameof(RequestStreams))]
    public async Task A_method_with_a_stream_of_requests_is_not_offered(string path)
    {
        var binary = await WebReply.ToAsync(_server, path, WebReply.Frame([]));
        var text = await WebReply.ToAsync(_server, path, WebReply.Encode(WebReply.Frame([])), WebReply.Text);

        Assert.Equal((HttpStatusCode.OK, (int)StatusCode.Unimplemented), (binary.Http, binary.GrpcStatus));
        Assert.Equal((HttpStatusCode.OK, (int)StatusCode.Unimplemented), (text.Http, text.GrpcStatus));
        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public async Task Beats_that_a_browser_would_send_as_a_stream_renew_nobody()
    {
        var service = await _server.CreateReachableServiceAsync();
        var start = new StreamHeartbeatsRequest { Start = new HeartbeatStreamStart { ServiceSid = service, EndSessionsOnClose = true } };
        var beat = new SessionBeat { UserKey = "ada", SessionId = "s" };
        var beats = new StreamHeartbeatsRequest { Beats = new HeartbeatStreamBeats { Beats = { beat } } };

        await WebReply.ToAsync(
            _server, Users + "StreamHeartbeats", [.. WebReply.Frame(start.ToByteArray()), .. WebReply.Frame(beats.ToByteArray())]);

        Assert.Empty((await _server.Users.ListUsersAsync(new ListUsersRequest { ServiceSid = service })).Users);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task A_message_of_the_limit_of_its_method_is_read_and_one_byte_more_is_not(WatchTransport mode)
    {
        var users = new UserService.UserServiceClient(_server.InvokerOver(mode));
        var text = new string('x', Limits.UnaryMessageBytes - 4); // a tag, and a length of three bytes

        var largest = await CallError.Of(users.GetUserAsync(new GetUserRequest { UserKey = text }));
        var more = await CallError.Of(users.GetUserAsync(new GetUserRequest { UserKey = text + "x" }));

        Assert.Equal((StatusCode.InvalidArgument, StatusCode.ResourceExhausted), (largest.Code, more.Code));
        Assert.Empty(_server.Log.Problems);
    }

    [Theory]
    [InlineData(WebReply.Binary)]
    [InlineData(WebReply.Text)]
    public async Task A_watch_ends_at_the_deadline_of_its_call(string type)
    {
        var watch = WebReply.Frame(new WatchUsersRequest { ServiceSid = await _server.CreateServiceAsync() }.ToByteArray());
        var body = type == WebReply.Text ? WebReply.Encode(watch) : watch;

        var reply = WebReply.ToAsync(_server, Users + "WatchUsers", body, type, ("grpc-timeout", "50m"));

        await Barrier.Within(reply, "the watch ended");
        Assert.Equal((int)StatusCode.DeadlineExceeded, (await reply).GrpcStatus);
        Assert.Empty(_server.Log.Problems);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task Health_is_watched_without_credentials(WatchTransport mode)
    {
        await using var guarded = await GuardedServer.StartAsync();
        var health = new global::Grpc.Health.V1.Health.HealthClient(guarded.As(authorization: null, mode));
        using var watch = health.Watch(new HealthCheckRequest());

        Assert.True(await watch.ResponseStream.MoveNext(TestRun.Token));
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, watch.ResponseStream.Current.Status);
    }

    [Theory]
    [InlineData("application/grpc", HttpStatusCode.UpgradeRequired)]
    [InlineData("application/grpc-webby", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("text/plain", HttpStatusCode.UnsupportedMediaType)]
    public async Task Calls_other_than_gRPC_Web_are_rejected_over_HTTP_1_1(string type, HttpStatusCode status)
    {
        var reply = await WebReply.ToAsync(_server, Users + "GetUser", WebReply.Frame([]), type);

        Assert.Equal(status, reply.Http);
        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public async Task An_unknown_method_is_unimplemented()
    {
        var reply = await WebReply.ToAsync(_server, Users + "Nonsense", WebReply.Frame([]));

        Assert.Equal((HttpStatusCode.OK, (int)StatusCode.Unimplemented), (reply.Http, reply.GrpcStatus));
    }
}
