using System.Net;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Grpc.Reflection.V1;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Hostile.Http2;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;
using HealthClient = Grpc.Health.V1.Health.HealthClient;

namespace GrpcPresence.Server.Tests.Streams.Requests;

/// <summary>Tests what clients without credentials may hold open.</summary>
public sealed class AnonymousRequestTests
{
    private const int Unimplemented = (int)StatusCode.Unimplemented;
    private const int ResourceExhausted = (int)StatusCode.ResourceExhausted;
    private const int Late = 100;
    private const string UnknownMethod = "/presence.v1.UserService/Nothing";
    private const string Document = "/openapi/v1.json";

    public static TheoryData<string> HeldPaths => [Document, "/v1/Services", "/v1/./Services", "/v1/%2e/Services", "/nothing"];

    [Theory]
    [MemberData(nameof(HeldPaths))]
    public async Task A_connection_whose_client_does_not_read_has_a_bounded_number_of_anonymous_requests(string path)
    {
        await using var guarded = await GuardedServer.StartAsync();
        await GetAsync(guarded.Server.Address, path);
        var (held, next) = Hold(path, Limits.AnonymousRequestsPerConnection);

        var answers = await RawConnection.TalkAsync(guarded.Server.Address, CallUnknownMethods(held, next));

        Assert.Contains(answers.Values, answer => answer.GrpcStatus == ResourceExhausted);
    }

    [Fact]
    public async Task Anonymous_requests_that_are_read_leave_their_places()
    {
        await using var server = await TestServer.StartAsync();
        var requests = new Conversation("unknown methods").Preface();
        const int Count = 3 * Limits.AnonymousRequestsPerConnection;
        for (var i = 0; i < Count; i++)
            requests.Request((uint)((2 * i) + 1), Conversation.Fields(UnknownMethod), ends: true).Await((2 * i) + 1);

        var answers = await RawConnection.TalkAsync(server.Address, requests);

        Assert.Contains(answers.Values, answer => answer.GrpcStatus == Unimplemented);
        using var later = server.OpenChannel();
        await new HealthClient(later).CheckAsync(new HealthCheckRequest(), cancellationToken: TestRun.Token);
    }

    [Fact]
    public async Task Authenticated_requests_take_no_place_of_anonymous_ones()
    {
        await using var server = await TestServer.StartAsync(); // needs no credentials, so that every caller has them
        var (held, last) = Hold(Document, Limits.AnonymousRequestsPerConnection);

        var answers = await RawConnection.TalkAsync(
            server.Address,
            held.Request((uint)last, Conversation.Fields()).Body((uint)last, Conversation.Message([])).Await(last));

        Assert.Equal((int)StatusCode.InvalidArgument, answers[last].GrpcStatus);
    }

    [Fact]
    public async Task Beyond_the_errors_that_a_connection_may_leave_unread_requests_are_reset()
    {
        await using var server = await TestServer.StartAsync();
        await GetAsync(server.Address, Document);
        var (held, next) = Hold(Document, 4 * Limits.AnonymousRequestsPerConnection);

        var answers = await RawConnection.TalkAsync(server.Address, CallUnknownMethods(held, next));

        Assert.Contains(answers.Values, answer => answer.IsReset);
    }

    [Fact]
    public async Task Reflection_streams_and_other_anonymous_requests_take_no_place_of_health()
    {
        await using var server = await TestServer.StartAsync();
        var reflection = new ServerReflection.ServerReflectionClient(server.Channel);
        var streams = new List<AsyncDuplexStreamingCall<ServerReflectionRequest, ServerReflectionResponse>>();
        for (var i = 0; i < Limits.ReflectionStreamsPerConnection; i++)
        {
            streams.Add(reflection.ServerReflectionInfo(cancellationToken: TestRun.Token));
            await AskAsync(streams[^1]);
        }

        using var rejected = reflection.ServerReflectionInfo(cancellationToken: TestRun.Token);
        var error = await CallError.Of(() => rejected.ResponseStream.MoveNext(TestRun.Token));
        Assert.Equal((StatusCode.ResourceExhausted, "QUOTA_EXCEEDED"), (error.Code, error.Reason));
        var health = new HealthClient(server.Channel);
        await health.CheckAsync(new HealthCheckRequest(), cancellationToken: TestRun.Token);
        using var watch = health.Watch(new HealthCheckRequest(), cancellationToken: TestRun.Token);
        Assert.True(await watch.ResponseStream.MoveNext(TestRun.Token));
        streams.ForEach(stream => stream.Dispose());
    }

    [Fact]
    public async Task When_all_places_of_health_are_taken_the_oldest_watch_gives_way()
    {
        await using var server = await TestServer.StartAsync();
        var channels = new List<GrpcChannel>();
        var watches = new List<AsyncServerStreamingCall<HealthCheckResponse>>();
        for (var i = 0; i < Limits.HealthRequests; i++)
        {
            if (i % Limits.HealthRequestsPerConnection == 0)
                channels.Add(server.OpenChannel());
            watches.Add(await WatchAsync(channels[^1]));
        }
        var first = CallError.Of(() => watches[0].ResponseStream.MoveNext(TestRun.Token));

        using var last = await WatchAsync(server.Channel);

        await Barrier.Within(first, "the oldest watch ended");
        Assert.Equal(StatusCode.ResourceExhausted, (await first).Code);
        watches.ForEach(watch => watch.Dispose());
        channels.ForEach(channel => channel.Dispose());
    }

    [Fact]
    public async Task A_connection_with_many_watches_of_health_takes_no_place_of_one_with_a_few()
    {
        await using var server = await TestServer.StartAsync();
        using var victim = await WatchAsync(server.Channel);
        var next = victim.ResponseStream.MoveNext(TestRun.Token);
        var channels = new List<GrpcChannel>();
        var watches = new List<AsyncServerStreamingCall<HealthCheckResponse>>();
        for (var i = 0; i < Limits.HealthRequests; i++)
        {
            if (i % Limits.HealthRequestsPerConnection == 0)
                channels.Add(server.OpenChannel());
            watches.Add(await WatchAsync(channels[^1]));
        }
        var ends = watches.Select(watch => CallError.Of(() => watch.ResponseStream.MoveNext(TestRun.Token))).ToArray();

        await Barrier.Within(Task.WhenAny(ends), "one of the many watches ended");

        Assert.False(next.IsCompleted);
        watches.ForEach(watch => watch.Dispose());
        channels.ForEach(channel => channel.Dispose());
    }

    /// <summary>Opens requests on a connection whose client reads no body, and returns the number of the next stream.</summary>
    private static (Conversation Held, int Next) Hold(string path, int count)
    {
        var held = new Conversation("requests whose responses are not read").Preface()
            .Frame(FrameType.Settings, 0, 0, [0, 4, 0, 0, 0, 0]);
        for (var i = 0; i < count; i++)
        {
            held.Request(
                (uint)((2 * i) + 1), [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "localhost")], ends: true);
        }
        return (held, (2 * count) + 1);
    }

    // The first request of a path takes long, because its code is not compiled yet. Others would overtake it.
    private static async Task GetAsync(Uri server, string path)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, server.AbsoluteUri.TrimEnd('/') + path)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var response = await http.SendAsync(request, TestRun.Token);
    }

    // Requests of one connection run in any order, so that a few calls at the end are needed to see the limit. Their responses have no
    // body, and a client that reads no body sees them.
    private static Conversation CallUnknownMethods(Conversation conversation, int stream)
    {
        for (var i = 0; i < Late; i++, stream += 2)
            conversation.Request((uint)stream, Conversation.Fields(UnknownMethod), ends: true).Await(stream);
        return conversation;
    }

    private static async Task<AsyncServerStreamingCall<HealthCheckResponse>> WatchAsync(GrpcChannel channel)
    {
        var watch = new HealthClient(channel).Watch(new HealthCheckRequest(), cancellationToken: TestRun.Token);
        Assert.True(await watch.ResponseStream.MoveNext(TestRun.Token));
        return watch;
    }

    private static async Task<bool> AskAsync(AsyncDuplexStreamingCall<ServerReflectionRequest, ServerReflectionResponse> stream)
    {
        await stream.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" }, TestRun.Token);
        return await stream.ResponseStream.MoveNext(TestRun.Token);
    }
}
