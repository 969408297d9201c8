using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Hostile.Http2;
using GrpcPresence.V1;
using Microsoft.Extensions.Time.Testing;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Wire;

/// <summary>Tests that a request whose body does not arrive ends, and what may take longer.</summary>
public sealed class BodyDeadlineTests : IAsyncLifetime
{
    private const string Users = "/presence.v1.UserService/";

    private readonly FakeTimeProvider _time = new();
    private readonly ObservedClock _clock;
    private TestServer _server = null!;

    public BodyDeadlineTests() => _clock = new ObservedClock(_time);

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync(time: _clock);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    public static TheoryData<int> SentBytes => [0, 1, 4, 5, 6, 20];

    [Theory]
    [MemberData(nameof(SentBytes))]
    public async Task Bounded_A_call_with_one_message_ends_when_its_body_does_not_arrive_on_any_method(int sent)
    {
        foreach (var method in BoundMethod.AllOf(_server).Where(method => method.Type is MethodType.Unary or MethodType.ServerStreaming))
        {
            var body = Conversation.Message(new byte[30])[..sent];
            var answer = await EndAfterTheTimeAsync(() => TalkAsync(method.Path, "application/grpc", body));

            Assert.True(answer.GrpcStatus == (int)StatusCode.DeadlineExceeded, $"{method.Path}: {answer}");
        }
        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public async Task Bounded_A_heartbeat_stream_ends_when_a_message_that_has_begun_does_not_arrive()
    {
        var start = new StreamHeartbeatsRequest { Start = new() { ServiceSid = await _server.CreateReachableServiceAsync() } };
        byte[] sent = [.. Conversation.Message(start.ToByteArray()), .. Conversation.Message(new byte[30])[..20]];

        // The first such timer is that of the start message.
        var answer = await EndAfterTheTimeAsync(() => TalkAsync(Users + "StreamHeartbeats", "application/grpc", sent), timers: 2);

        Assert.Equal((int)StatusCode.DeadlineExceeded, answer.GrpcStatus);
        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public async Task Bounded_A_reflection_stream_ends_when_a_message_that_has_begun_does_not_arrive()
    {
        const string Path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

        var answer = await EndAfterTheTimeAsync(() => TalkAsync(Path, "application/grpc", Conversation.Message(new byte[30])[..20]));

        Assert.Equal((int)StatusCode.DeadlineExceeded, answer.GrpcStatus);
        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public async Task Bounded_A_compressed_message_that_does_not_arrive_ends_its_call()
    {
        var body = Conversation.Message(new byte[30], flag: 1)[..20];

        var answer = await EndAfterTheTimeAsync(() => TalkAsync(Users + "GetUser", "application/grpc", body, ("grpc-encoding", "gzip")));

        Assert.Equal((int)StatusCode.DeadlineExceeded, answer.GrpcStatus);
    }

    [Fact]
    public async Task A_stream_may_rest_between_its_messages()
    {
        var service = await _server.CreateReachableServiceAsync();
        using var stream = await HeartbeatStream.OpenAsync(_server, service);
        Assert.Equal(1, (await stream.BeatAsync(("ada", "s1"))).Accepted);

        _time.Advance(10 * Limits.RequestBodyTime);

        Assert.Equal(1, (await stream.BeatAsync(("ada", "s1"))).Accepted);
    }

    [Theory]
    [InlineData("application/grpc-web", "")]
    [InlineData("application/grpc-web", "\0\0\0\0")]
    [InlineData("application/grpc-web-text", "")]
    [InlineData("application/grpc-web-text", "AAAAAAo")]
    [InlineData("application/grpc-web-text", "AAAAAAoKCgoK")]
    public async Task Bounded_A_call_over_gRPC_Web_ends_when_its_body_does_not_arrive(string type, string sent)
    {
        var response = await EndAfterTheTimeAsync(() => RawHttp1.TalkAsync(
            _server.RestAddress,
            $"POST {Users}GetUser HTTP/1.1\r\nHost: localhost\r\nContent-Type: {type}\r\nContent-Length: 30\r\n\r\n{sent}"));

        Assert.Contains($"grpc-status: {(int)StatusCode.DeadlineExceeded}", response, StringComparison.OrdinalIgnoreCase);
        Assert.Empty(_server.Log.Problems);
    }

    [Theory]
    [InlineData("Content-Length: 30", "")]
    [InlineData("Content-Length: 30", "FriendlyName=a")]
    [InlineData("Transfer-Encoding: chunked", "")]
    [InlineData("Transfer-Encoding: chunked", "5\r\nFrien")]
    [InlineData("Transfer-Encoding: chunked", "5\r\nFrien\r\n")]
    public async Task Bounded_A_request_of_REST_gets_408_when_its_body_does_not_arrive(string length, string sent)
    {
        var response = await EndAfterTheTimeAsync(() => RawHttp1.TalkAsync(
            _server.RestAddress,
            $"POST /v1/Services HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n{length}\r\n\r\n{sent}"));

        Assert.StartsWith("HTTP/1.1 408 ", response, StringComparison.Ordinal);
        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public async Task Bounded_A_request_of_REST_over_HTTP_2_gets_408_when_its_body_does_not_arrive()
    {
        var answer = await EndAfterTheTimeAsync(() => TalkAsync("/v1/Services", "application/x-www-form-urlencoded", "Friend"u8.ToArray()));

        Assert.Equal(408, answer.HttpStatus);
        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public async Task Bounded_Incomplete_messages_beyond_the_limit_of_their_connection_are_rejected_and_others_are_served()
    {
        const int Half = 60_000;
        using var http = new HttpClient
        {
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestRun.Token);
        var calls = Enumerable.Range(0, (Limits.IncompleteBytes / Half) + 20)
            .Select(_ => PostAsync(http, new HalfMessage(Half), end.Token))
            .ToArray();

        var rejected = Task.WhenAny(calls);
        await Barrier.Within(rejected, "an incomplete message was rejected");
        Assert.Equal(StatusCode.ResourceExhausted, await await rejected);
        Assert.Equal(StatusCode.InvalidArgument, await PostAsync(http, new ByteArrayContent(Conversation.Message([])), TestRun.Token));

        await end.CancelAsync();
        var ended = Task.WhenAll(calls.Select(async call => await call.ContinueWith(_ => { }, TaskScheduler.Default)));
        await Barrier.Within(ended, "the calls ended");
        Assert.InRange(calls.Count(call => call.IsCompletedSuccessfully), 1, calls.Length / 2);
        Assert.Empty(_server.Log.Problems);
    }

    private async Task<StatusCode> PostAsync(HttpClient http, HttpContent content, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_server.Address, Users + "GetUser"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        return (StatusCode)int.Parse(response.Headers.GetValues("grpc-status").Single(), CultureInfo.InvariantCulture);
    }

    /// <summary>Begins a request, and lets its time pass as soon as the server waits for the body.</summary>
    private async Task<T> EndAfterTheTimeAsync<T>(Func<Task<T>> begin, int timers = 1)
    {
        var waits = _clock.WhenTimerSet(due => due == Limits.RequestBodyTime && Interlocked.Decrement(ref timers) == 0);
        var request = begin();
        await Barrier.Within(Task.WhenAny(waits, request), "the server waited for the body");
        Assert.False(request.IsCompleted, "The request ended before its time.");
        _time.Advance(Limits.RequestBodyTime);
        await Barrier.Within(request, "the request ended");
        return await request;
    }

    private async Task<StreamAnswer> TalkAsync(string path, string type, byte[] sent, params (string, string)[] more)
    {
        var fields = Conversation.Fields(path).Select(field => field.Name == "content-type" ? (field.Name, type) : field);
        var conversation = new Conversation(path).Preface().Request(1, [.. fields, .. more]);
        if (sent.Length > 0)
            conversation.Frame(FrameType.Data, FrameFlags.None, 1, sent);
        return (await RawConnection.TalkAsync(_server.Address, conversation.Await(1)))[1];
    }

    /// <summary>A message of which the client sends all but the end.</summary>
    private sealed class HalfMessage(int bytes) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync(Conversation.Message(new byte[bytes], length: (uint)bytes + 1), cancellationToken);
            await stream.FlushAsync(cancellationToken);
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
