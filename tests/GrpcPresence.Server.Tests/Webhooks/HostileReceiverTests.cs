using System.Net;
using System.Net.Sockets;
using System.Text;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Webhooks;
using Microsoft.Extensions.Time.Testing;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>What a receiver can make the server hold: every response is bounded in bytes and in time.</summary>
public sealed class HostileReceiverTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\n";

    [Theory]
    [InlineData(Ok + "Content-Length: 999999999999\r\n\r\n", "x")]
    [InlineData(Ok + "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n")]
    [InlineData(Ok + "Transfer-Encoding: chunked\r\n\r\n", "1;a=b\r\nx\r\n")]
    [InlineData(Ok + "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n")]
    [InlineData(Ok + "Connection: close\r\n\r\n", "x")]
    public async Task The_status_of_an_endless_body_counts_and_the_connection_is_closed(string head, string endless)
    {
        await using var receiver = new HostileReceiver((stream, token) => SendEndlesslyAsync(stream, head, endless, token));
        using var network = new WebhookNetwork();

        Assert.Equal(HttpStatusCode.OK, await network.SendAsync(receiver.Url));

        await receiver.ClosedAsync();
    }

    [Theory]
    [InlineData(Ok, "X: y\r\n")]
    [InlineData(Ok + "X: ", "y")]
    [InlineData("", "HTTP/1.1 100 Continue\r\n\r\n")]
    [InlineData("", "HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n")]
    [InlineData("HTTP/1.1 200 ", "x")]
    [InlineData("", "<html>")]
    [InlineData("", "\0")]
    [InlineData("", "\r\n")]
    public async Task An_endless_head_counts_as_a_missing_response_and_the_connection_is_closed(string begin, string endless)
    {
        await using var receiver = new HostileReceiver((stream, token) => SendEndlesslyAsync(stream, begin, endless, token));
        using var network = new WebhookNetwork(time: new FakeTimeProvider()); // which never reaches the time limit

        var sending = network.SendAsync(receiver.Url);

        await Barrier.Within(sending, "the client gives up");
        Assert.Null(await sending);
        await receiver.ClosedAsync();
    }

    [Theory]
    [InlineData("")]
    [InlineData("H")]
    [InlineData(Ok)]
    [InlineData(Ok + "X: y")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\n")]
    public async Task A_head_that_stops_counts_as_a_missing_response_after_five_seconds_and_the_connection_is_closed(string begin)
    {
        var time = new FakeTimeProvider();
        await using var receiver = new HostileReceiver((stream, token) => SendAsync(stream, begin, token));
        using var network = new WebhookNetwork(time: time);
        var sending = network.SendAsync(receiver.Url);
        await receiver.BeganAsync();

        time.Advance(WebhookClient.TimeLimit - TimeSpan.FromTicks(1));
        Assert.False(sending.IsCompleted);
        time.Advance(TimeSpan.FromTicks(1));

        await Barrier.Within(sending, "the client gives up");
        Assert.Null(await sending);
        await receiver.ClosedAsync();
    }

    [Fact]
    public async Task A_head_that_arrives_byte_by_byte_does_not_extend_the_time_limit()
    {
        var time = new FakeTimeProvider();
        using var next = new SemaphoreSlim(0);
        using var sent = new SemaphoreSlim(0);
        await using var receiver = new HostileReceiver(async (stream, token) =>
        {
            foreach (var letter in Encoding.ASCII.GetBytes(Ok).Take((int)WebhookClient.TimeLimit.TotalSeconds))
            {
                await next.WaitAsync(token);
                await stream.WriteAsync(new[] { letter }, token);
                sent.Release();
            }
        });
        using var network = new WebhookNetwork(time: time);
        var sending = network.SendAsync(receiver.Url);
        await receiver.BeganAsync();

        for (var second = 0; second < WebhookClient.TimeLimit.TotalSeconds; second++)
        {
            next.Release();
            await Barrier.Within(sent.WaitAsync(TestRun.Token), "the receiver sends a byte");
            time.Advance(TimeSpan.FromSeconds(1));
        }

        await Barrier.Within(sending, "the client gives up");
        Assert.Null(await sending);
        await receiver.ClosedAsync();
    }

    [Fact]
    public async Task The_connection_of_a_body_that_stops_is_closed()
    {
        await using var receiver = new HostileReceiver((stream, token) => SendAsync(stream, Ok + "Content-Length: 9\r\n\r\nx", token));
        using var network = new WebhookNetwork();

        Assert.Equal(HttpStatusCode.OK, await network.SendAsync(receiver.Url));

        await receiver.ClosedAsync();
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_is_not_followed(int status)
    {
        await using var target = new HostileReceiver((stream, token) => SendAsync(stream, Ok + "Content-Length: 0\r\n\r\n", token));
        var redirect = $"HTTP/1.1 {status} Elsewhere\r\nLocation: {target.Url}\r\nContent-Length: 0\r\n\r\n";
        await using var receiver = new HostileReceiver((stream, token) => SendAsync(stream, redirect, token));
        using var network = new WebhookNetwork();

        Assert.Equal((HttpStatusCode)status, await network.SendAsync(receiver.Url));

        Assert.Equal(0, target.Connections);
    }

    [Fact]
    public async Task Other_protocols_than_HTTP_1_count_as_a_missing_response()
    {
        foreach (var answer in new[] { "200 OK\n", "SSH-2.0-OpenSSH\r\n", "HTTP/2 200\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n" })
        {
            await using var receiver = new HostileReceiver((stream, token) => SendEndlesslyAsync(stream, answer, "x", token));
            using var network = new WebhookNetwork(time: new FakeTimeProvider());
            var sending = network.SendAsync(receiver.Url);

            await Barrier.Within(sending, "the client gives up");
            Assert.Null(await sending);
        }
    }

    private static Task SendAsync(NetworkStream stream, string text, CancellationToken cancellationToken) =>
        stream.WriteAsync(Encoding.Latin1.GetBytes(text), cancellationToken).AsTask();

    private static async Task SendEndlesslyAsync(NetworkStream stream, string begin, string endless, CancellationToken cancellationToken)
    {
        await SendAsync(stream, begin, cancellationToken);
        var chunk = string.Concat(Enumerable.Repeat(endless, 1000));
        while (true)
            await SendAsync(stream, chunk, cancellationToken);
    }
}
