using Grpc.Core;
using GrpcPresence.Server.Rest.OpenApi;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Hostile.Http2;
using Microsoft.AspNetCore.Routing;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>
/// Tests each method and each route with a body that never ends: a request without valid credentials is answered from its headers, and
/// nothing reads its body.
/// </summary>
public sealed class BodyNeverSentTests : IAsyncLifetime
{
    private const string NoCredentials = "Nonsense";

    private GuardedServer _guarded = null!;

    private TestServer Server => _guarded.Server;

    public async ValueTask InitializeAsync()
    {
        _guarded = await GuardedServer.StartAsync();
        Assert.True(await Server.Reads.IsReadBy("/presence.v1.ApiKeyService/CreateApiKey")); // the last request of the start
    }

    public ValueTask DisposeAsync() => _guarded.DisposeAsync();

    [Fact]
    public async Task Isolation_Each_method_is_answered_without_its_body_over_gRPC()
    {
        foreach (var method in BoundMethod.AllOf(Server).Where(method => !method.Rule.IsPublic))
        {
            foreach (var begin in new byte[][] { [], [0], Conversation.Message([1, 2, 3], length: 1000), [1, .. new byte[20_000]] })
            {
                var answer = await TalkAsync(method.Path, "application/grpc", begin);

                Assert.True(answer.GrpcStatus == (int)StatusCode.Unauthenticated, $"{method.Path}: {answer}");
                Assert.False(await Server.Reads.IsReadBy(method.Path), method.Path);
            }
        }
        AssertQuiet();
    }

    [Theory]
    [InlineData("application/grpc-web")]
    [InlineData("application/grpc-web+proto")]
    [InlineData("application/grpc-web-text")]
    public async Task Isolation_Each_method_is_answered_without_its_body_over_gRPC_Web(string type)
    {
        var methods = BoundMethod.AllOf(Server).Where(method => !method.Rule.IsPublic && method.Type != MethodType.DuplexStreaming);
        foreach (var method in methods)
        {
            foreach (var begin in new[] { "", "AAAA", new string('A', 20_000) })
            {
                PassTime();
                var request = Http1("POST", method.Path, type, begin);
                using var connection = await RawHttp1.OpenAsync(Server.RestAddress);
                await connection.SendAsync(request);
                var headers = await connection.ReadHeadersAsync();

                Assert.Contains($"grpc-status: {(int)StatusCode.Unauthenticated}", headers, StringComparison.OrdinalIgnoreCase);
                Assert.False(await Server.Reads.IsReadBy(method.Path), method.Path);
            }
            var overHttp2 = await TalkAsync(method.Path, type, []);
            Assert.True(overHttp2.GrpcStatus == (int)StatusCode.Unauthenticated, $"{method.Path} over HTTP/2: {overHttp2}");
            Assert.False(await Server.Reads.IsReadBy(method.Path), method.Path);
        }
        AssertQuiet();
    }

    [Fact]
    public async Task Isolation_Each_route_of_REST_is_answered_without_its_body()
    {
        var routes = 0;
        foreach (var endpoint in Server.Get<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>())
        {
            if (endpoint.Metadata.GetMetadata<RestOperation>() is null)
                continue;
            var path = endpoint.RoutePattern.RawText!.Replace("{ChatServiceSid}", _guarded.Own, StringComparison.Ordinal)
                .Replace("{Sid}", "ada", StringComparison.Ordinal);
            path = System.Text.RegularExpressions.Regex.Replace(path, @"\{[^}]*\}", "x");
            foreach (var method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods)
            {
                foreach (var begin in new[] { "", "FriendlyName=", new string('A', 5_000) })
                {
                    PassTime();
                    var headers = await RawHttp1.TalkAsync(
                        Server.RestAddress, Http1(method, path, "application/x-www-form-urlencoded", begin));
                    Assert.StartsWith("HTTP/1.1 401 ", headers, StringComparison.Ordinal);
                    Assert.False(await Server.Reads.IsReadBy(path), path);
                }
                var overHttp2 = await TalkAsync(path, "application/x-www-form-urlencoded", [], method);
                Assert.True(overHttp2.HttpStatus == 401, $"{method} {path} over HTTP/2: {overHttp2}");
                Assert.False(await Server.Reads.IsReadBy(path), path);
                routes++;
            }
        }
        Assert.True(routes >= 20, $"Only {routes} routes were found.");
        AssertQuiet();
    }

    [Theory]
    [InlineData("POST", "/presence.v1.UserService/NoMethod", "application/grpc")]
    [InlineData("POST", "/no.Service/Method", "application/grpc")]
    [InlineData("POST", "/presence.v1.UserService/GetUser", "application/grpc+json")]
    [InlineData("POST", "/presence.v1.UserService/GetUser", "application/grpcx")]
    [InlineData("POST", "/presence.v1.UserService/GetUser", "text/plain")]
    [InlineData("PUT", "/presence.v1.UserService/GetUser", "application/grpc")]
    [InlineData("OPTIONS", "/presence.v1.UserService/GetUser", "application/grpc-web")]
    [InlineData("POST", "/presence.v1.UserService/StreamHeartbeats", "application/grpc-web-text")]
    [InlineData("POST", "/presence.v1.UserService/NoMethod", "application/grpc-web-text")]
    [InlineData("POST", "/v1/Nothing", "application/x-www-form-urlencoded")]
    [InlineData("PUT", "/v1/Services", "application/x-www-form-urlencoded")]
    [InlineData("POST", "/v1/Services/../x", "application/x-www-form-urlencoded")]
    [InlineData("POST", "/", "application/x-www-form-urlencoded")]
    [InlineData("OPTIONS", "/v1/Services", "application/x-www-form-urlencoded")]
    public async Task Isolation_What_is_not_a_call_is_answered_without_its_body(string method, string path, string type)
    {
        var headers = await RawHttp1.TalkAsync(Server.RestAddress, Http1(method, path, type, "AAAA"));
        Assert.StartsWith("HTTP/1.1 ", headers, StringComparison.Ordinal);
        Assert.False(await Server.Reads.IsReadByNext());
        var overHttp2 = await TalkAsync(path, type, [0], method);

        Assert.True(overHttp2.HttpStatus is not null, $"{overHttp2}");
        Assert.False(await Server.Reads.IsReadByNext());
        AssertQuiet();
    }

    // Each failed authentication may leave an entry.
    private void AssertQuiet() =>
        Assert.All(Server.Log.Problems, entry => Assert.StartsWith("Authentication failed", entry.Text, StringComparison.Ordinal));

    // The answers to a client that fails often wait. They do not wait for one that fails once a second.
    private void PassTime() => _guarded.Time.Advance(TimeSpan.FromSeconds(1));

    private async Task<StreamAnswer> TalkAsync(string path, string type, byte[] begin, string method = "POST")
    {
        PassTime();
        var fields = Conversation.Fields(path).Select(field => field.Name switch
        {
            ":method" => (field.Name, method),
            "content-type" => (field.Name, type),
            _ => field,
        });
        var conversation = new Conversation($"{method} {path}").Preface()
            .Request(1, [.. fields, ("authorization", NoCredentials)]);
        if (begin.Length > 0)
            conversation.Frame(FrameType.Data, FrameFlags.None, 1, begin.AsSpan(0, Math.Min(begin.Length, 16_384)));
        return (await RawConnection.TalkAsync(Server.Address, conversation.Await(1)))[1];
    }

    private static string Http1(string method, string path, string type, string begin) =>
        $"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {NoCredentials}\r\nContent-Type: {type}\r\n"
        + $"Content-Length: 30000\r\n\r\n{begin}";
}
