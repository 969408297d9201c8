using Google.Protobuf;
using Grpc.Core;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Hostile.Http2;
using GrpcPresence.V1;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Wire;

/// <summary>
/// Tests that a call ends when its deadline passes. The clients here send the deadline and do not watch it themselves, so the server must
/// end the call. gRPC's clock cannot be replaced, so these deadlines pass in real time.
/// </summary>
public sealed class DeadlineTests
{
    private const string Deadline = "50m"; // in milliseconds

    [Theory]
    [InlineData("GetUser", true)]
    [InlineData("Heartbeat", false)]
    public async Task A_unary_call_ends_with_DEADLINE_EXCEEDED(string method, bool reads)
    {
        await using var server = await TestServer.StartAsync();
        var service = await server.CreateReachableServiceAsync();
        await server.CreateUserAsync(service, "ada");
        if (reads)
            server.Store.Faults.StallAllReads(after: 0);
        else
            server.Store.Faults.HoldOperations(hold: true);
        IMessage request = reads
            ? new GetUserRequest { ServiceSid = service, UserKey = "ada" }
            : new HeartbeatRequest { ServiceSid = service, UserKey = "ada", SessionId = "s1" };

        var answer = await CallAsync(server, method, request, Deadline);

        Assert.Equal((int)StatusCode.DeadlineExceeded, answer.GrpcStatus);
        server.Store.Faults.Clear();
        await server.StopAsync();
        Assert.Empty(server.Log.Problems);
    }

    /// <summary>
    /// A fault of the framework that the server corrects: gRPC for .NET reads a timeout in ticks of 100 ns, and takes one of zero ticks for
    /// no deadline. A watch would then never end.
    /// </summary>
    [Theory]
    [InlineData("1n")]
    [InlineData("99n")]
    [InlineData("999999n")]
    [InlineData("1u")]
    [InlineData("0n")]
    [InlineData("0m")]
    [InlineData("0S")]
    [InlineData("0H")]
    [InlineData("00000000S")]
    public async Task A_deadline_that_has_passed_on_arrival_ends_the_call_before_it_runs(string timeout)
    {
        await using var server = await TestServer.StartAsync();
        var service = await server.CreateReachableServiceAsync();

        var watch = await CallAsync(server, "WatchUsers", new WatchUsersRequest { ServiceSid = service }, timeout);
        var creation = await CallAsync(
            server, "CreateUser", new CreateUserRequest { ServiceSid = service, Identity = "ada" }, timeout);

        Assert.Equal((int)StatusCode.DeadlineExceeded, watch.GrpcStatus);
        Assert.Equal((int)StatusCode.DeadlineExceeded, creation.GrpcStatus);
        Assert.Empty((await server.Users.ListUsersAsync(new() { ServiceSid = service })).Users);
        Assert.Empty(server.Log.Problems);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("S")]
    [InlineData("1s")]
    [InlineData("-1S")]
    [InlineData("1.5S")]
    [InlineData("123456789S")]
    [InlineData("1S,1S")]
    public async Task A_deadline_that_cannot_be_read_is_an_error_and_not_no_deadline(string timeout)
    {
        await using var server = await TestServer.StartAsync();
        var service = await server.CreateReachableServiceAsync();

        var watch = await CallAsync(server, "WatchUsers", new WatchUsersRequest { ServiceSid = service }, timeout);

        Assert.Equal((int)StatusCode.Internal, watch.GrpcStatus);
        Assert.Empty(server.Log.Problems);
    }

    [Theory]
    [InlineData("WatchUsers")]
    [InlineData("StreamHeartbeats")]
    public async Task A_stream_ends_with_DEADLINE_EXCEEDED_and_is_no_longer_open(string method)
    {
        await using var server = await TestServer.StartAsync();
        var service = await server.CreateReachableServiceAsync();
        IMessage request = method == "WatchUsers"
            ? new WatchUsersRequest { ServiceSid = service }
            : new StreamHeartbeatsRequest { Start = new HeartbeatStreamStart { ServiceSid = service } };

        var answer = await CallAsync(server, method, request, Deadline, ends: method == "WatchUsers");

        Assert.Equal((int)StatusCode.DeadlineExceeded, answer.GrpcStatus);
        await Barrier.Within(server.Get<ActiveStreams>().WhenNoneActive() ?? Task.CompletedTask, "the server ended the stream");
        await server.StopAsync();
        Assert.Empty(server.Log.Problems);
    }

    private static async Task<StreamAnswer> CallAsync(TestServer server, string method, IMessage request, string timeout, bool ends = true)
    {
        var message = Conversation.Message(request.ToByteArray());
        var call = new Conversation(method).Preface()
            .Request(1, [.. Conversation.Fields($"/presence.v1.UserService/{method}"), ("grpc-timeout", timeout)])
            .Frame(FrameType.Data, ends ? FrameFlags.EndStream : FrameFlags.None, 1, message)
            .Await(1);
        return (await RawConnection.TalkAsync(server.Address, call))[1];
    }
}
