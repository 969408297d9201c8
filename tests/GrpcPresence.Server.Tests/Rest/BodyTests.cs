using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Rest.OpenApi;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.AspNetCore.Routing;

namespace GrpcPresence.Server.Tests.Rest;

/// <summary>
/// Tests bodies that HTTP cannot read, or that are too large: they are errors of the client, and the log has no line about them.
/// </summary>
public sealed class BodyTests : IAsyncLifetime
{
    private const string Form = "application/x-www-form-urlencoded";
    private const string Services = "/v1/Services";
    private const string GetUser = "/presence.v1.UserService/GetUser";

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    public static TheoryData<string, string> Requests => new()
    {
        { Services, Form },
        { GetUser, "application/grpc-web" },
        { GetUser, "application/grpc-web-text" },
    };

    public static TheoryData<string> ChunkSizes =>
    [
        "80000000", "ffffffff", "8000000000000000", "ffffffffffffffff", "ffffffffffffffff1", "-1", "+1", "0x5", "garbage", "", "5 ",
        "5;\u0001",
    ];

    [Theory]
    [MemberData(nameof(ChunkSizes))]
    public async Task Quiet_A_chunk_size_that_is_not_one_is_an_error_of_the_client(string size)
    {
        foreach (var (path, type) in Requests.Select(row => row.Data))
        {
            var response = await RawHttp1.TalkAsync(
                _server.RestAddress, Head(path, type, "Transfer-Encoding: chunked") + $"{size}\r\nFriendlyName=a\r\n0\r\n\r\n");

            Assert.StartsWith(path == Services ? "HTTP/1.1 400 " : "HTTP/1.1 ", response, StringComparison.Ordinal);
            Assert.DoesNotContain("HTTP/1.1 5", response, StringComparison.Ordinal);
        }
        Assert.Empty(_server.Log.Problems);
    }

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Quiet_A_body_that_is_reset_is_not_a_fault(string path, string type) =>
        await ResetAsync(Head(path, type, "Content-Length: 40"), path);

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Quiet_A_body_in_chunks_that_is_reset_is_not_a_fault(string path, string type) =>
        await ResetAsync(Head(path, type, "Transfer-Encoding: chunked") + "9\r\n", path);

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Quiet_A_body_that_is_shorter_or_longer_than_its_length_is_not_a_fault(string path, string type)
    {
        using var connection = await RawHttp1.OpenAsync(_server.RestAddress);
        await connection.SendAsync(Head(path, type, "Content-Length: 40") + "AAAA");
        await _server.Reads.BeginAsync(path);
        connection.EndSending();
        await connection.ReadHeadersAsync();

        await RawHttp1.TalkAsync(_server.RestAddress, Head(path, type, "Content-Length: 8") + "AAAAAAAAGARBAGE\r\n\r\n");

        Assert.Empty(_server.Log.Problems);
    }

    [Fact]
    public async Task Bounded_A_body_over_the_limit_of_its_route_gets_413_before_it_is_sent()
    {
        var routes = 0;
        foreach (var endpoint in _server.Get<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>())
        {
            if (endpoint.Metadata.GetMetadata<RestOperation>() is not { } operation)
                continue;
            Assert.InRange(operation.MaxFormBytes, Limits.UndeclaredFormBytes, Limits.FormBytes);
            var path = endpoint.RoutePattern.RawText!.Replace('{', 'x').Replace('}', 'x');
            var method = endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Single();
            var head = $"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {Form}\r\n";

            var more = await RawHttp1.TalkAsync(_server.RestAddress, $"{head}Content-Length: {operation.MaxFormBytes + 1}\r\n\r\n");
            var largest = "x=" + new string('a', operation.MaxFormBytes - 2);
            var fits = await RawHttp1.TalkAsync(_server.RestAddress, $"{head}Content-Length: {largest.Length}\r\n\r\n{largest}");

            Assert.StartsWith("HTTP/1.1 413 ", more, StringComparison.Ordinal);
            Assert.DoesNotContain("HTTP/1.1 413 ", fits, StringComparison.Ordinal);
            routes++;
        }
        Assert.True(routes >= 20, $"Only {routes} routes were found.");
        Assert.Empty(_server.Log.Problems);
    }

    [Theory]
    [InlineData("POST", Limits.FormValues)]
    [InlineData("GET", Limits.QueryValues)]
    public async Task Bounded_Too_many_values_become_no_objects(string method, int max)
    {
        // Parameters that the operation does not declare, and the same one again and again.
        foreach (var value in new[] { "a", "a=b" })
        {
            var most = string.Join('&', Enumerable.Repeat(value, max));
            var fits = await SendAsync(method, most);
            var more = await SendAsync(method, most + "&" + value);

            Assert.DoesNotContain("values", fits, StringComparison.Ordinal);
            Assert.Contains($"more than {max} values", more, StringComparison.Ordinal);
        }
    }

    private async Task ResetAsync(string head, string path)
    {
        using var connection = await RawHttp1.OpenAsync(_server.RestAddress);
        await connection.SendAsync(head + "AAAA");
        await _server.Reads.BeginAsync(path);
        connection.Reset();
        Assert.False(await _server.Reads.IsLeftBy(path));
        await _server.StopAsync(); // what Kestrel logs after the request
        Assert.Empty(_server.Log.Problems);
    }

    private async Task<string> SendAsync(string method, string parameters)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), method == "GET" ? $"{Services}?{parameters}" : Services);
        if (method == "POST")
            request.Content = new StringContent(parameters, encoding: null, Form);
        using var response = await _server.Rest.SendAsync(request, TestRun.Token);
        return await response.Content.ReadAsStringAsync(TestRun.Token);
    }

    private static string Head(string path, string type, string length) =>
        $"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {type}\r\n{length}\r\n\r\n";
}
