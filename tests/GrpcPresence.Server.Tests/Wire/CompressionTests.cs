using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Hostile;
using GrpcPresence.Server.Tests.Hostile.Http2;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Wire;

/// <summary>
/// Tests that requests may use gzip. The server never compresses responses: they are small, and all watchers share the frames of a watch.
/// </summary>
public sealed class CompressionTests : IAsyncLifetime
{
    private const byte Plain = 0;
    private const byte Compressed = 1;

    /// <summary>Selects the encoding of requests in gRPC's client. The client does not send this header.</summary>
    private static readonly Metadata Gzip = new() { { "grpc-internal-encoding-request", "gzip" } };

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_request_may_be_gzip()
    {
        var service = await _server.CreateServiceAsync();
        var attributes = $$"""{"about":"{{new string('x', 3000)}}"}""";

        var created = await _server.Users.CreateUserAsync(new() { ServiceSid = service, Identity = "ada", Attributes = attributes }, Gzip);

        Assert.Equal(attributes, created.User.Attributes);
    }

    [Fact]
    public async Task Each_message_of_a_stream_may_be_gzip_or_plain()
    {
        var service = await _server.CreateReachableServiceAsync();
        using var call = _server.Users.StreamHeartbeats(Gzip);
        await call.RequestStream.WriteAsync(new() { Start = new() { ServiceSid = service } }, TestRun.Token);
        await AnsweredAsync(call);
        call.RequestStream.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
        await call.RequestStream.WriteAsync(BeatOf("ada"), TestRun.Token);
        await AnsweredAsync(call);
        call.RequestStream.WriteOptions = WriteOptions.Default;
        await call.RequestStream.WriteAsync(BeatOf("bob"), TestRun.Token);
        await AnsweredAsync(call);

        Assert.True((await _server.GetUserAsync(service, "ada")).IsOnline);
        Assert.True((await _server.GetUserAsync(service, "bob")).IsOnline);
    }

    [Theory]
    [InlineData("identity", false)]
    [InlineData("gzip", false)]
    [InlineData("identity", true)]
    [InlineData("gzip", true)]
    public async Task Responses_are_uncompressed_for_any_accepted_encoding(string accepted, bool sendsGzip)
    {
        using var response = await PostAsync(sendsGzip ? "gzip" : "identity", accepted);

        Assert.Equal(["0"], Header(response, "grpc-status"));
        Assert.DoesNotContain(Header(response, "grpc-encoding"), encoding => encoding != "identity");
        Assert.Equal(Plain, (await response.Content.ReadAsByteArrayAsync(TestRun.Token))[0]);
    }

    [Fact]
    public async Task The_error_for_another_encoding_names_the_accepted_encodings()
    {
        using var response = await PostAsync("deflate", "identity");

        Assert.Equal([$"{(int)StatusCode.Unimplemented}"], Header(response, "grpc-status"));
        Assert.Contains("gzip", string.Join(',', Header(response, "grpc-accept-encoding")).Split(','));
        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public async Task A_message_that_is_cut_anywhere_is_an_error_and_not_a_shorter_message()
    {
        var service = await _server.CreateServiceAsync();
        var whole = Zip(new CreateUserRequest { ServiceSid = service, Identity = "ada", Attributes = "{}" }.ToByteArray());

        // Without any byte it is the empty message, as gRPC's client for .NET compresses it.
        for (var length = 1; length < whole.Length; length++)
        {
            var status = await CreateAsync(whole[..length]);
            Assert.True(status == StatusCode.Internal, $"The first {length} of {whole.Length} bytes are answered with {status}.");
        }

        Assert.Empty((await _server.Users.ListUsersAsync(new() { ServiceSid = service })).Users);
        Assert.Empty(_server.Log.Problems);
    }

    [Theory]
    [InlineData("garbage", "0102030405060708090A")]
    [InlineData("a byte", "00")]
    [InlineData("half a header", "1F8B")]
    [InlineData("a second member", "")]
    public async Task A_message_with_something_behind_it_is_an_error(string what, string hex)
    {
        var service = await _server.CreateServiceAsync();
        var whole = Zip(new CreateUserRequest { ServiceSid = service, Identity = "ada" }.ToByteArray());
        var more = hex.Length > 0 ? Convert.FromHexString(hex) : Zip(new CreateUserRequest { FriendlyName = "Ada" }.ToByteArray());

        Assert.True(await CreateAsync([.. whole, .. more]) == StatusCode.Internal, what);
        Assert.Equal(StatusCode.OK, await CreateAsync(whole));
    }

    [Fact]
    public async Task Bounded_A_public_method_rejects_a_compressed_message_and_does_not_inflate_it()
    {
        // Not gzip at all, so that an attempt to inflate it would be another error.
        foreach (var method in BoundMethod.AllOf(_server).Where(method => method.Rule.IsPublic))
        {
            using var response = await PostAsync(method.Path, "gzip", Conversation.Message([1, 2, 3], Compressed));

            Assert.Equal([$"{(int)StatusCode.Unimplemented}"], Header(response, "grpc-status"));
            Assert.Equal(["identity"], Header(response, "grpc-accept-encoding"));
        }
        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public async Task Bounded_A_message_inflates_to_the_limit_of_its_method_on_each_method()
    {
        foreach (var method in BoundMethod.AllOf(_server).Where(method => !method.Rule.IsPublic))
        {
            var max = method.Rule.MaxMessageBytes;
            var fits = await SendUnknownAsync(method.Path, max);
            var exceeds = await SendUnknownAsync(method.Path, max + 1);

            Assert.True(fits != StatusCode.ResourceExhausted, $"{method.Path} rejects {max} bytes.");
            Assert.True(exceeds == StatusCode.ResourceExhausted, $"{method.Path} answers {exceeds}.");
        }
        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public async Task Bounded_A_message_inflates_to_a_hundred_times_its_size_or_the_size_of_a_user()
    {
        const string Path = "/presence.v1.UserService/WatchUsers";
        var user = Zip(Repetition(Limits.InflatedBytesAtAnyRatio));
        var more = Zip(Repetition(Limits.InflatedBytesAtAnyRatio + 1));
        var bomb = Zip(new byte[Limits.ReceivedMessageBytes]);

        Assert.Equal(StatusCode.InvalidArgument, await PostAsync(Path, user)); // inflated, and without a service instance
        Assert.Equal(StatusCode.ResourceExhausted, await PostAsync(Path, more));
        Assert.Equal(StatusCode.ResourceExhausted, await PostAsync(Path, bomb));
        Assert.Empty(_server.Log.Problems);
    }

    /// <summary>Sends a compressed message of so many bytes: one unknown field that does not compress much.</summary>
    private async Task<StatusCode> SendUnknownAsync(string path, int bytes)
    {
        var message = Repetition(bytes);
        new Random(1).NextBytes(message.AsSpan(bytes - (bytes / 10)));
        return await PostAsync(path, Zip(message));
    }

    /// <summary>Returns a message of so many bytes: one unknown field of zeros.</summary>
    private static byte[] Repetition(int bytes)
    {
        var message = new WireWriter().Field(99, new byte[bytes - 5]).ToArray(); // a tag of two bytes, and a length of three
        Assert.Equal(bytes, message.Length);
        return message;
    }

    private async Task<StatusCode> PostAsync(string path, byte[] compressed)
    {
        using var response = await PostAsync(path, "gzip", Conversation.Message(compressed, Compressed));
        var status = Header(response, "grpc-status").SingleOrDefault();
        // A watch or a stream that was accepted sends its headers, and has no status yet.
        return status is null ? StatusCode.OK : (StatusCode)int.Parse(status, CultureInfo.InvariantCulture);
    }

    private async Task<HttpResponseMessage> PostAsync(string path, string encoding, byte[] body)
    {
        using var http = new HttpClient
        {
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } };
        content.Headers.Add("grpc-encoding", encoding);
        return await http.PostAsync(new Uri(_server.Address, path), content, TestRun.Token);
    }

    private static StreamHeartbeatsRequest BeatOf(string user) =>
        new() { Beats = new() { Beats = { new SessionBeat { UserKey = user, SessionId = "s1" } } } };

    private static async Task AnsweredAsync(AsyncDuplexStreamingCall<StreamHeartbeatsRequest, StreamHeartbeatsResponse> call) =>
        Assert.True(await call.ResponseStream.MoveNext(TestRun.Token));

    private async Task<StatusCode> CreateAsync(byte[] compressed)
    {
        using var http = new HttpClient
        {
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var content = new ByteArrayContent(Conversation.Message(compressed, Compressed))
        {
            Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") },
        };
        content.Headers.Add("grpc-encoding", "gzip");
        using var response = await http.PostAsync(new Uri(_server.Address, "/presence.v1.UserService/CreateUser"), content, TestRun.Token);
        return (StatusCode)int.Parse(Header(response, "grpc-status").Single(), CultureInfo.InvariantCulture);
    }

    private async Task<HttpResponseMessage> PostAsync(string encoding, string accepted)
    {
        using var http = new HttpClient
        {
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        var message = new ListServiceInstancesRequest { PageSize = 10 }.ToByteArray();
        var framed = encoding == "identity" ? Conversation.Message(message) : Conversation.Message(Zip(message), Compressed);
        using var content = new ByteArrayContent(framed) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } };
        content.Headers.Add("grpc-encoding", encoding);
        content.Headers.Add("grpc-accept-encoding", accepted);
        var method = new Uri(_server.Address, "/presence.v1.ConfigurationService/ListServiceInstances");
        return await http.PostAsync(method, content, TestRun.Token);
    }

    private static IEnumerable<string> Header(HttpResponseMessage response, string name) =>
        response.Headers.Concat(response.TrailingHeaders).Where(header => header.Key == name).SelectMany(header => header.Value);

    private static byte[] Zip(byte[] bytes)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal))
            gzip.Write(bytes);
        return compressed.ToArray();
    }
}
