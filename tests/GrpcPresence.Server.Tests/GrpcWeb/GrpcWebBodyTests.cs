using System.Net;
using System.Net.Sockets;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Hostile;
using GrpcPresence.V1;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.GrpcWeb;

/// <summary>Bodies that no client may send get a documented status, and leave nothing in the log.</summary>
public sealed class GrpcWebBodyTests : IAsyncLifetime
{
    private const string Users = "/presence.v1.UserService/";
    private const int Requests = 1000;

    // gRPC's status for a message that cannot be decoded, and this server's status for a request without its fields.
    private static readonly StatusCode[] Documented =
        [StatusCode.Internal, StatusCode.InvalidArgument, StatusCode.ResourceExhausted, StatusCode.Unimplemented, StatusCode.NotFound];

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("a compression flag that does not exist", "0200000000", "identity", StatusCode.Internal)]
    [InlineData("trailers", "8000000000", "identity", StatusCode.Internal)]
    [InlineData("a length of 2 GiB", "0080000000", "identity", StatusCode.ResourceExhausted)]
    [InlineData("a length of 4 GiB", "00ffffffff", "identity", StatusCode.ResourceExhausted)]
    [InlineData("invalid gzip", "0100000003010203", "gzip", StatusCode.Internal)]
    [InlineData("an encoding that does not exist", "0100000003010203", "nonsense", StatusCode.Unimplemented)]
    [InlineData("a message that ends too early", "000000000901", "identity", StatusCode.Internal)]
    [InlineData("a prefix that ends too early", "0000", "identity", StatusCode.Internal)]
    [InlineData("nothing", "", "identity", StatusCode.Internal)]
    [InlineData("two messages", "00000000000000000000", "identity", StatusCode.Internal)]
    [InlineData("an invalid message", "0000000005ffffffffff", "identity", StatusCode.Internal)]
    public async Task An_invalid_frame_gets_a_status_and_is_not_logged(string what, string hex, string encoding, StatusCode status)
    {
        var body = Convert.FromHexString(hex);
        foreach (var method in new[] { "GetUser", "WatchUsers" })
        {
            var binary = await WebReply.ToAsync(_server, Users + method, body, WebReply.Binary, ("grpc-encoding", encoding));
            var text = await WebReply.ToAsync(_server, Users + method, WebReply.Encode(body), WebReply.Text, ("grpc-encoding", encoding));

            Assert.True(binary.GrpcStatus == (int)status, $"{method} answered {what} with {binary.GrpcStatus}.");
            Assert.True(text.GrpcStatus == (int)status, $"{method} answered {what} in base64 with {text.GrpcStatus}.");
        }
        Assert.Empty(_server.Log.Problems);
    }

    [Theory]
    [InlineData("!!!!")] // characters outside the alphabet
    [InlineData("AAA")] // ends within four characters
    [InlineData("AAAA")] // ends within the prefix
    [InlineData("AAAAAAA=!!!!")] // the same behind a message
    [InlineData("AAAAAAA=AA")] // ends within four characters behind a message
    [InlineData("AAAAA\r\nAA=")] // lines, as in mail
    [InlineData("AA==AA==AA==AA==AA==AA==AA==")] // each byte encoded separately, and two too many
    [InlineData("====")]
    public async Task Invalid_base64_gets_a_status_and_is_not_logged(string body)
    {
        foreach (var method in new[] { "GetUser", "WatchUsers" })
        {
            var reply = await WebReply.ToAsync(_server, Users + method, Encoding.ASCII.GetBytes(body), WebReply.Text);
            Assert.Equal((HttpStatusCode.OK, (int)StatusCode.Internal), (reply.Http, reply.GrpcStatus));
        }
        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public async Task Damaged_bodies_get_documented_statuses_and_are_not_logged()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var whole = WebReply.Frame(new GetUserRequest { ServiceSid = KnownValues.Service, UserKey = "ada" }.ToByteArray());
        for (var i = 0; i < Requests; i++)
        {
            var (body, type) = random.Next(3) switch
            {
                0 => (ByteDamage.Do(whole, random), WebReply.Binary),
                1 => (WebReply.Encode(ByteDamage.Do(whole, random)), WebReply.Text),
                _ => (ByteDamage.Do(WebReply.Encode(whole), random), WebReply.Text),
            };

            var reply = await WebReply.ToAsync(_server, Users + "GetUser", body, type);

            Assert.True(
                reply.Http == HttpStatusCode.OK && Documented.Contains((StatusCode)reply.GrpcStatus!),
                $"seed {seed}, request {i}, {type} {Convert.ToHexStringLower(body)} was answered with {reply.Http} and {reply.GrpcStatus}");
        }
        Assert.Empty(_server.Log.Problems);
    }

    [Theory]
    [InlineData(WebReply.Binary, "Content-Length: 100", "AAAAAAA=")]
    [InlineData(WebReply.Text, "Content-Length: 100", "AAAAAAA=")]
    [InlineData(WebReply.Text, "Content-Length: 100", "!!!!")]
    [InlineData(WebReply.Binary, "Transfer-Encoding: chunked", "8\r\nAAAA")]
    [InlineData(WebReply.Text, "Transfer-Encoding: chunked", "8\r\nAAAA")]
    [InlineData(WebReply.Binary, "Transfer-Encoding: chunked", "80000000\r\n\0")]
    [InlineData(WebReply.Text, "Transfer-Encoding: chunked", "nonsense\r\n")]
    public async Task A_body_that_breaks_off_is_not_logged(string type, string length, string body)
    {
        foreach (var isReset in new[] { false, true })
        {
            using var client = new TcpClient();
            await client.ConnectAsync(_server.RestAddress.Host, _server.RestAddress.Port, TestRun.Token);
            var head = $"POST {Users}GetUser HTTP/1.1\r\nHost: localhost\r\nContent-Type: {type}\r\n{length}\r\n\r\n";
            var stream = client.GetStream();
            await stream.WriteAsync(Encoding.Latin1.GetBytes(head + body), TestRun.Token);
            // The connection is reset, or the client's side ends.
            client.LingerState = new LingerOption(enable: isReset, seconds: 0);
            if (isReset)
                continue;
            client.Client.Shutdown(SocketShutdown.Send);
            await Barrier.Within(ReadToEndAsync(stream), "the server closed the connection");
        }
        // The stop waits for everything that the server is still doing.
        await _server.StopAsync();
        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public async Task The_connection_serves_the_next_request_after_invalid_base64()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(_server.RestAddress.Host, _server.RestAddress.Port, TestRun.Token);
        var request = Encoding.ASCII.GetBytes(
            $"POST {Users}GetUser HTTP/1.1\r\nHost: localhost\r\nContent-Type: {WebReply.Text}\r\nContent-Length: 8\r\n\r\n!!!!!!!!");
        byte[] requests = [.. request, .. request, .. "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"u8];
        await client.GetStream().WriteAsync(requests, TestRun.Token);

        using var reader = new StreamReader(client.GetStream());
        var replies = reader.ReadToEndAsync(TestRun.Token);
        await Barrier.Within(replies, "the server answered all requests");

        Assert.Equal(2, (await replies).Split("Grpc-Status: 13").Length - 1);
        Assert.Contains("HTTP/1.1 404", await replies, StringComparison.Ordinal);
        Assert.Empty(_server.Log.Problems);
    }

    private static async Task ReadToEndAsync(NetworkStream stream)
    {
        try
        {
            await stream.CopyToAsync(Stream.Null, TestRun.Token);
        }
        catch (IOException)
        {
            // The server resets a connection if it has not read all data.
        }
    }
}
