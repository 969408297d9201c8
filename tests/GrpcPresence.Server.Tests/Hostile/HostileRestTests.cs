using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using GrpcPresence.Server.Rest.OpenApi;
using GrpcPresence.Server.Tests.Fixture;
using Microsoft.AspNetCore.Routing;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>
/// Sends REST requests that no library would: every operation with values of every kind, some as bytes that are not HTTP.
/// </summary>
[Collection(nameof(HostileCollection))]
public sealed class HostileRestTests
{
    private const int Requests = 2000;

    private static readonly string[] Texts =
    [
        "", "true", "nonsense", "%", "%00", "%ff%fe", "%2e%2e", "..", "a%2Fb",
        "N%fcr", "N\u00fcr", "%ed%a0%80", "%c0%80", "%f0%9f%92", "%c2%85", "%7f", "twilsock", "Updates", "%E8%AA%9E",
        "IS00000000000000000000000000000001", "US00000000000000000000000000000001",
        "BS00000000000000000000000000000001", "-1", "99999999999999999999", "{}", "[[[[", "%F0%9F%92%9A",
        "on%55serAdded", "http%3A%2F%2F127.0.0.1", "+", "=", "&",
        "x%0d%0aX-Injected%3A1", new string('x', 300), new string('9', 5000),
    ];

    private static readonly string[] ContentTypes =
        [
            "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-16", "application/json",
            "multipart/form-data; boundary=x", "", "\u0001", ";;",
        ];

    [Fact]
    public async Task Every_request_gets_an_answer_of_the_interface_and_none_is_the_server_s_fault()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        await using var server = await TestServer.StartAsync(services: HostileServer.KeepToThisMachine);
        var operations = server.Get<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<RestOperation>() is not null)
            .ToList();

        for (var i = 0; i < Requests; i++)
        {
            var (bytes, isWhole) = Forge(operations[random.Next(operations.Count)], random);
            var answer = await AnswerAsync(server.RestAddress, bytes, isWhole);
            Assert.True(answer.Length > 0 || !isWhole, $"seed {seed}, request {i} has no answer: {Encoding.UTF8.GetString(bytes)}");
            Check(answer, $"seed {seed}, request {i}: {Encoding.UTF8.GetString(bytes)}");
        }

        Assert.Empty(server.Log.Problems);
        // The server still works.
        var valid = "GET /v1/Services HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"u8.ToArray();
        Assert.StartsWith("HTTP/1.1 200 ", await AnswerAsync(server.RestAddress, valid, isWhole: true), StringComparison.Ordinal);
    }

    /// <summary>Creates a request, and returns whether it is complete HTTP.</summary>
    private static (byte[] Bytes, bool IsWhole) Forge(RouteEndpoint endpoint, Random random)
    {
        var operation = endpoint.Metadata.GetRequiredMetadata<RestOperation>();
        var method = random.Next(8) == 0
            ? Pick(["PUT", "HEAD", "OPTIONS", "post", "\u0007"], random)
            : endpoint.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods[0];
        var parts = endpoint.RoutePattern.RawText!.Split('/').Select(part => part.StartsWith('{') ? Pick(Texts, random) : part);
        var path = string.Join('/', parts);
        var query = Pairs(operation, RestParameterLocation.Query, random);
        var body = Pairs(operation, RestParameterLocation.Form, random);
        var length = random.Next(10) == 0 ? body.Length + random.Next(-3, 3) : body.Length;
        var head = $"{method} {path}?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            + $"Last-Event-ID: {Pick(["", "x", "AQ"], random)}\r\n"
            + $"Authorization: {Pick(["", "Basic x", "Basic Og==", "Bearer a.b.c"], random)}\r\n"
            + $"Content-Type: {Pick(ContentTypes, random)}\r\n"
            + Pick(["", "", "", "Content-Encoding: gzip\r\n", "Accept: text/event-stream\r\n", "Accept: */*, nonsense;\r\n"], random)
            + string.Create(CultureInfo.InvariantCulture, $"Content-Length: {length}\r\n\r\n");
        var bytes = Encoding.Latin1.GetBytes(head + body);
        var isDamaged = random.Next(10) == 0;
        if (isDamaged)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        return (bytes, !isDamaged && length == body.Length);
    }

    private static string Pairs(RestOperation operation, RestParameterLocation place, Random random) => string.Join(
        '&',
        operation.Parameters
            .Where(parameter => parameter.Place == place && random.Next(2) == 0)
            .Select(parameter => $"{parameter.Name}={Pick(Texts, random)}"));

    private static string Pick(string[] from, Random random) => from[random.Next(from.Length)];

    /// <summary>
    /// Reads the whole response, or the start of an event stream. If the request is incomplete, the client closes its side, because
    /// otherwise both sides would wait.
    /// </summary>
    private static async Task<string> AnswerAsync(Uri address, byte[] request, bool isWhole)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, TestRun.Token);
        var stream = client.GetStream();
        try
        {
            await stream.WriteAsync(request, TestRun.Token);
            if (!isWhole)
                client.Client.Shutdown(SocketShutdown.Send);
            var answer = new List<byte>();
            var buffer = new byte[4096];
            while (await stream.ReadAsync(buffer, TestRun.Token) is > 0 and var read)
            {
                answer.AddRange(buffer.AsSpan(0, read));
                if (Encoding.UTF8.GetString(buffer, 0, read).Contains("text/event-stream", StringComparison.Ordinal))
                    break;
            }
            return Encoding.UTF8.GetString([.. answer]);
        }
        catch (IOException)
        {
            return ""; // rejected before the server read all of it
        }
    }

    private static void Check(string answer, string request)
    {
        // A client that does not speak HTTP, or stops in the middle, may get no response, or one of Kestrel itself.
        if (answer.Length == 0)
            return;
        var parts = answer.Split("\r\n\r\n", 2);
        var status = int.Parse(parts[0].Split(' ')[1], CultureInfo.InvariantCulture);
        // 505 is the answer to an unknown version of HTTP.
        Assert.True(status is (>= 200 and < 500) or 505, $"{status} for {request}");
        Assert.DoesNotContain("X-Injected", parts[0], StringComparison.Ordinal);
        Assert.False(answer.Contains('\ufffd', StringComparison.Ordinal), $"a text was repaired in the answer to {request}");
        if (!parts[0].Contains("application/json", StringComparison.Ordinal) || parts[1].Length == 0)
            return;
        if (Unchunked(parts) is not { } text)
            return; // the client disconnected before the response was complete
        using var body = JsonDocument.Parse(text);
        if (status >= 400)
            Assert.Equal(status, body.RootElement.GetProperty("status").GetInt32());
    }

    private static string? Unchunked(string[] parts)
    {
        if (!parts[0].Contains("Transfer-Encoding: chunked", StringComparison.Ordinal))
            return parts[1];
        // The sizes count bytes, not characters.
        var (rest, body) = (Encoding.UTF8.GetBytes(parts[1]).AsMemory(), new MemoryStream());
        while (true)
        {
            var end = rest.Span.IndexOf("\r\n"u8);
            if (end < 0)
                return null;
            var size = int.Parse(Encoding.ASCII.GetString(rest.Span[..end]), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (size == 0)
                return Encoding.UTF8.GetString(body.ToArray());
            if (rest.Length < end + 2 + size + 2)
                return null;
            body.Write(rest.Span.Slice(end + 2, size));
            rest = rest[(end + 2 + size + 2)..];
        }
    }
}
