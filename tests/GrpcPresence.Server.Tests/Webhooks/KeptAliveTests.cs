using System.Net;
using System.Net.Sockets;
using System.Text;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>A back end that closes connections while they are kept alive.</summary>
public sealed class KeptAliveTests
{
    [Theory]
    [InlineData(WebhookMethod.Post)]
    [InlineData(WebhookMethod.Get)]
    public async Task An_endpoint_that_closes_the_connection_upon_the_next_request_is_asked_again(WebhookMethod method)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = ServeAsync(listener);
        using var network = new WebhookNetwork();
        var request = new WebhookRequest($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/", method, [new("Identity", "ada")])
        {
            RetriesConnection = true,
        };

        Assert.Equal(HttpStatusCode.OK, (await network.Client.SendAsync(request, TestRun.Token)).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await network.Client.SendAsync(request, TestRun.Token)).Status);

        await serving;
    }

    /// <summary>Answers the first request, and closes its connection when the second one arrives. Answers that on the next one.</summary>
    private static async Task ServeAsync(TcpListener listener)
    {
        using (var first = await listener.AcceptTcpClientAsync(TestRun.Token))
        {
            await AnswerAsync(first, "200 OK");
            await ReadAsync(first);
        }
        using var second = await listener.AcceptTcpClientAsync(TestRun.Token);
        await AnswerAsync(second, "403 Forbidden");
    }

    private static async Task AnswerAsync(TcpClient connection, string status)
    {
        await ReadAsync(connection);
        await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"), TestRun.Token);
    }

    /// <summary>Reads a whole request: up to the blank line, and the form that follows a POST.</summary>
    private static async Task ReadAsync(TcpClient connection)
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        while (!IsWhole(text.ToString()))
        {
            var read = await connection.GetStream().ReadAsync(buffer, TestRun.Token);
            Assert.NotEqual(0, read);
            text.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }
    }

    private static bool IsWhole(string text) =>
        text.Contains("\r\n\r\n", StringComparison.Ordinal)
        && (text.StartsWith("GET", StringComparison.Ordinal) || text.EndsWith("Identity=ada", StringComparison.Ordinal));
}
