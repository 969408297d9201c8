using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Hostile.Http2;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Wire;

public sealed class BadInputTests
{
    private const string Service = "presence.v1.UserService";
    private static readonly byte[] Garbage = [0xff, 0xff, 0xff, 0xff, 0xff];

    [Fact]
    public async Task A_message_that_cannot_be_decoded_is_internal_without_details_and_is_not_logged()
    {
        await using var server = await TestServer.StartAsync();

        var error = await CallError.Of(RawMethod.CallAsync(server.Invoker, Service, "GetUser", Garbage));

        Assert.Equal((StatusCode.Internal, ""), (error.Code, error.Reason));
        Assert.Empty(server.Log.Problems);
    }

    [Fact]
    public async Task A_nested_length_that_overflows_is_a_message_that_cannot_be_decoded()
    {
        await using var server = await TestServer.StartAsync();
        byte[] message = [0x0a, 0xff, 0xff, 0xff, 0xff, 0x07];

        var error = await CallError.Of(RawMethod.CallAsync(server.Invoker, Service, "UpdateUser", message));

        Assert.Equal((StatusCode.Internal, ""), (error.Code, error.Reason));
        Assert.Empty(server.Log.Problems);
    }

    [Theory]
    [InlineData("0a01ff")] // a byte that never occurs in UTF-8
    [InlineData("12034bfc72")] // Latin-1
    [InlineData("1203eda080")] // half of a surrogate pair
    [InlineData("1202c080")] // NUL in two bytes
    public async Task A_string_that_is_not_UTF_8_is_an_invalid_argument_and_is_not_logged(string hex)
    {
        var bytes = Convert.FromHexString(hex);
        await using var server = await TestServer.StartAsync();

        var error = await CallError.Of(RawMethod.CallAsync(server.Invoker, Service, "CreateUser", bytes));

        Assert.Equal((StatusCode.InvalidArgument, ""), (error.Code, error.Reason));
        Assert.Empty(server.Log.Problems);
    }

    [Theory]
    [InlineData(3, 1)]
    [InlineData(5000, 0)]
    [InlineData(5000, 4999)]
    [InlineData(60_000, 0)]
    [InlineData(60_000, 30_000)]
    [InlineData(60_000, 59_999)]
    public async Task A_long_string_that_is_not_UTF_8_at_any_place_is_an_invalid_argument(int length, int at)
    {
        const int AttributesTag = (CreateUserRequest.AttributesFieldNumber << 3) | 2;
        var text = new byte[length];
        Array.Fill(text, (byte)' ');
        text[at] = 0xfc;
        using var message = new MemoryStream();
        using (var output = new CodedOutputStream(message, leaveOpen: true))
        {
            output.WriteTag(AttributesTag);
            output.WriteBytes(ByteString.CopyFrom(text));
        }
        await using var server = await TestServer.StartAsync();

        var error = await CallError.Of(RawMethod.CallAsync(server.Invoker, Service, "CreateUser", message.ToArray()));

        Assert.Equal((StatusCode.InvalidArgument, ""), (error.Code, error.Reason));
        Assert.Empty(server.Log.Problems);
    }

    [Fact]
    public async Task A_string_of_a_stream_that_is_not_UTF_8_is_an_invalid_argument()
    {
        await using var server = await TestServer.StartAsync();
        var method = RawMethod.Of(MethodType.DuplexStreaming, Service, "StreamHeartbeats");
        using var call = server.Invoker.AsyncDuplexStreamingCall(method, null, default);
        await call.RequestStream.WriteAsync(Convert.FromHexString("0a050a034bfc72")); // start, service_sid

        var error = await CallError.Of(() => call.ResponseStream.MoveNext(TestRun.Token));

        Assert.Equal((StatusCode.InvalidArgument, ""), (error.Code, error.Reason));
        Assert.Empty(server.Log.Problems);
    }

    [Fact]
    public async Task A_message_in_a_stream_that_cannot_be_decoded_is_internal_without_details_and_is_not_logged()
    {
        await using var server = await TestServer.StartAsync();
        var method = RawMethod.Of(MethodType.DuplexStreaming, "grpc.reflection.v1.ServerReflection", "ServerReflectionInfo");
        using var call = server.Invoker.AsyncDuplexStreamingCall(method, null, default);
        await call.RequestStream.WriteAsync(Garbage);

        var error = await CallError.Of(() => call.ResponseStream.MoveNext(TestRun.Token));

        Assert.Equal((StatusCode.Internal, ""), (error.Code, error.Reason));
        Assert.Empty(server.Log.Problems);
    }

    [Fact]
    public async Task A_message_that_is_too_large_is_rejected_and_is_not_logged()
    {
        await using var server = await TestServer.StartAsync();
        var message = new byte[Limits.ReceivedMessageBytes + 1];

        var error = await CallError.Of(RawMethod.CallAsync(server.Invoker, Service, "GetUser", message));

        Assert.Equal((StatusCode.ResourceExhausted, ""), (error.Code, error.Reason));
        Assert.Empty(server.Log.Problems);
    }

    [Theory]
    [InlineData(Service, "Nonsense")]
    [InlineData("nonsense.Nonsense", "Nonsense")]
    public async Task An_unknown_method_is_unimplemented(string service, string method)
    {
        await using var server = await TestServer.StartAsync();

        var error = await CallError.Of(RawMethod.CallAsync(server.Invoker, service, method, []));

        Assert.Equal((StatusCode.Unimplemented, ""), (error.Code, error.Reason));
        Assert.Empty(server.Log.Problems);
    }

    [Fact]
    public async Task A_request_that_is_not_gRPC_is_rejected_and_is_not_logged()
    {
        await using var server = await TestServer.StartAsync();
        using var client = NewHttp2Client();
        using var content = new ByteArrayContent(Garbage) { Headers = { ContentType = new MediaTypeHeaderValue("text/plain") } };

        using var response = await client.PostAsync(new Uri(server.Address, $"/{Service}/GetUser"), content);

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        Assert.Empty(server.Log.Problems);
    }

    [Fact]
    public async Task A_frame_that_ends_too_early_gets_a_status_and_is_not_logged()
    {
        await using var server = await TestServer.StartAsync();
        using var client = NewHttp2Client();
        using var content = new ByteArrayContent([0, 0, 0, 0, 9, 1])
        {
            Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") },
        };

        using var response = await client.PostAsync(new Uri(server.Address, $"/{Service}/GetUser"), content);

        Assert.Equal(["13"], response.TrailingHeaders.Concat(response.Headers).Single(header => header.Key == "grpc-status").Value);
        Assert.Empty(server.Log.Problems);
    }

    [Theory]
    [InlineData("an undefined compression flag", "0200000000", "identity", "13")]
    [InlineData("a length of 2 GiB", "0080000000", "identity", "8")]
    [InlineData("a length of 4 GiB", "00ffffffff", "identity", "8")]
    [InlineData("a body that is not gzip", "0100000003010203", "gzip", "13")]
    [InlineData("an unknown encoding", "0100000003010203", "nonsense", "12")]
    public async Task An_invalid_frame_gets_a_status_and_is_not_logged(string what, string body, string encoding, string status)
    {
        await using var server = await TestServer.StartAsync();
        using var client = NewHttp2Client();
        foreach (var method in new[] { "GetUser", "WatchUsers", "StreamHeartbeats" })
        {
            using var content = new ByteArrayContent(Convert.FromHexString(body))
            {
                Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") },
            };
            content.Headers.Add("grpc-encoding", encoding);

            using var response = await client.PostAsync(new Uri(server.Address, $"/{Service}/{method}"), content);

            var answered = response.TrailingHeaders.Concat(response.Headers).Single(header => header.Key == "grpc-status").Value;
            Assert.True(answered.SequenceEqual([status]), $"{method} answered {what} with {string.Join(",", answered)}.");
        }
        Assert.Empty(server.Log.Problems);
    }

    [Fact]
    public async Task A_header_field_of_the_index_0_ends_the_connection_and_is_not_logged()
    {
        const byte IndexZero = 0x80;
        await using var server = await TestServer.StartAsync();
        var conversation = new Conversation("the index 0").Preface().Frame(FrameType.Headers, FrameFlags.EndHeaders, 1, [IndexZero]);

        Assert.Empty(await RawConnection.TalkAsync(server.Address, conversation));

        Assert.Empty(server.Log.Problems);
    }

    [Fact]
    public async Task The_server_goes_on_after_bad_input()
    {
        await using var server = await TestServer.StartAsync();
        await CallError.Of(RawMethod.CallAsync(server.Invoker, Service, "GetUser", Garbage));

        Assert.Empty((await server.Configuration.ListServiceInstancesAsync(new ListServiceInstancesRequest())).ServiceInstances);
    }

    private static HttpClient NewHttp2Client() =>
        new() { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
}
