using System.Net;
using System.Net.Sockets;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Webhooks;
using Microsoft.Extensions.Time.Testing;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Webhooks;

public sealed class WebhookClientTests
{
    private const string Url = "https://example.com/hook?key=1";

    private static readonly KeyValuePair<string, string>[] Form = [new("Identity", "zürich & co"), new("EventType", "onUserUpdated")];

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task A_POST_carries_the_form_and_a_signature_of_it()
    {
        using var network = new StubHandler(HttpStatusCode.NoContent);

        Assert.Equal(HttpStatusCode.NoContent, await SendAsync(network, WebhookMethod.Post, secret: "token"));

        Assert.Equal(HttpMethod.Post, network.Method);
        Assert.Equal(Url, network.Url!.AbsoluteUri);
        Assert.Equal("Identity=z%C3%BCrich+%26+co&EventType=onUserUpdated", network.Body);
        Assert.Equal(WebhookSignature.Of("token", Url, Form), network.Headers["X-Twilio-Signature"]);
        Assert.Equal("GrpcPresence", network.Headers["User-Agent"]);
        Assert.Equal("*/*", network.Headers["Accept"]);
        Assert.DoesNotContain("Authorization", network.Headers);
    }

    [Fact]
    public async Task A_GET_carries_the_parameters_in_its_query_and_a_signature_of_its_URL()
    {
        using var network = new StubHandler(HttpStatusCode.OK);

        await SendAsync(network, WebhookMethod.Get, secret: "token");

        Assert.Equal(HttpMethod.Get, network.Method);
        Assert.Equal(Url + "&Identity=z%C3%BCrich%20%26%20co&EventType=onUserUpdated", network.Url!.AbsoluteUri);
        Assert.Null(network.Body);
        Assert.Equal(WebhookSignature.Of("token", network.Url.AbsoluteUri, []), network.Headers["X-Twilio-Signature"]);
    }

    [Fact]
    public async Task Without_a_secret_nothing_is_signed()
    {
        using var network = new StubHandler(HttpStatusCode.OK);

        await SendAsync(network, WebhookMethod.Post, secret: null);

        Assert.DoesNotContain("X-Twilio-Signature", network.Headers);
    }

    [Fact]
    public async Task A_repeated_event_has_the_same_token_even_with_other_reasons_and_another_event_has_another()
    {
        using var network = new StubHandler(HttpStatusCode.OK);

        var first = await TokenAsync(network, [.. Form, new("UpdateReasons", "role")]);
        var repeated = await TokenAsync(network, [.. Form, new("UpdateReasons", "role,attributes")]);
        var other = await TokenAsync(network, [new("Identity", "zürich & co"), new("EventType", "onUserAdded")]);

        Assert.Equal(first, repeated);
        Assert.NotEqual(first, other);
    }

    [Fact]
    public async Task A_receiver_has_five_seconds_in_all()
    {
        var asked = new Barrier("the receiver gets the request");
        using var network = new StubHandler(async cancelled =>
        {
            asked.Reach();
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, cancelled);
            throw new InvalidOperationException("Unreachable.");
        });
        var sending = SendAsync(network, WebhookMethod.Post, secret: null);
        await asked.Wait();

        _time.Advance(TimeSpan.FromSeconds(5) - TimeSpan.FromTicks(1));
        Assert.False(sending.IsCompleted);
        _time.Advance(TimeSpan.FromTicks(1));
        await Barrier.Within(sending, "the client gives up the request");

        Assert.Null(await sending);
    }

    [Fact]
    public async Task A_failed_connection_counts_as_a_missing_response()
    {
        using var network = new StubHandler(_ => throw new HttpRequestException("No route to host."));

        Assert.Null(await SendAsync(network, WebhookMethod.Post, secret: null));
    }

    [Fact]
    public async Task A_connection_reset_counts_as_a_missing_response()
    {
        using var reset = new StubHandler(_ => throw new SocketException((int)SocketError.NotConnected));
        using var ended = new StubHandler(_ => throw new IOException("The connection was reset."));

        Assert.Null(await SendAsync(reset, WebhookMethod.Post, secret: null));
        Assert.Null(await SendAsync(ended, WebhookMethod.Post, secret: null));
    }

    [Fact]
    public async Task An_internationalized_host_is_signed_as_the_receiver_sees_it()
    {
        using var network = new StubHandler(HttpStatusCode.OK);
        const string Url = "https://münchen.example:8443/ü?a=b%20c";

        await SendAsync(network, new WebhookRequest(Url, WebhookMethod.Post, Form) { Secret = "token" });

        const string Seen = "https://xn--mnchen-3ya.example:8443/%C3%BC?a=b%20c";
        Assert.Equal(Seen, network.Url!.AbsoluteUri);
        Assert.Equal(WebhookSignature.Of("token", Seen, Form), network.Headers["X-Twilio-Signature"]);
    }

    [Theory]
    [InlineData("http://example.org/?name=J%C3%BCrgen%20M")]
    [InlineData("http://example.org/?q=%F0%9F%98%80")]
    [InlineData("http://example.org/a%20b/%C3%A9/%41%2f/../x//y;z?%7a=%7e&a=b")]
    public async Task The_bytes_of_a_URL_are_requested_and_signed_as_they_are_configured(string url)
    {
        using var network = new StubHandler(HttpStatusCode.OK);

        await SendAsync(network, new WebhookRequest(url, WebhookMethod.Post, Form) { Secret = "token" });

        Assert.Equal(url["http://example.org".Length..], network.Url!.PathAndQuery);
        Assert.Equal(WebhookSignature.Of("token", url, Form), network.Headers["X-Twilio-Signature"]);
    }

    [Fact]
    public async Task User_info_is_sent_as_Basic_authentication_and_is_not_part_of_the_URL()
    {
        using var network = new StubHandler(HttpStatusCode.OK);

        const string Url = "http://a%40b:p%C3%A9:%25@example.org/x#rc=1";

        await SendAsync(network, new WebhookRequest(Url, WebhookMethod.Get, []) { Secret = "token" });

        Assert.Equal("http://example.org/x?", network.Url!.AbsoluteUri);
        Assert.Equal("Basic " + Convert.ToBase64String("a@b:pé:%"u8), network.Headers["Authorization"]);
        Assert.Equal(WebhookSignature.Of("token", network.Url.AbsoluteUri, []), network.Headers["X-Twilio-Signature"]);
    }

    [Theory]
    [InlineData("https://example.org/", 1)]
    [InlineData("https://example.org/#rc=0", 1)]
    [InlineData("https://example.org/#rc=3", 4)]
    public async Task A_failed_connection_is_tried_again_as_often_as_the_URL_says(string url, int requests)
    {
        using var network = new StubHandler(_ => throw new HttpRequestException(HttpRequestError.ConnectionError));

        Assert.Null(await SendAsync(network, new WebhookRequest(url, WebhookMethod.Post, Form), new PauseSkippingClock(_time), default));

        Assert.Equal(requests, network.Requests);
    }

    [Fact]
    public async Task A_failed_connection_is_tried_again_until_an_answer_comes()
    {
        var left = 4;
        using var network = new StubHandler(_ => left-- > 0
            ? throw new HttpRequestException(HttpRequestError.ResponseEnded)
            : Task.FromResult(new HttpResponseMessage(HttpStatusCode.Forbidden)));
        var request = new WebhookRequest(Url, WebhookMethod.Post, Form) { RetriesConnection = true };

        Assert.Equal(HttpStatusCode.Forbidden, await SendAsync(network, request, new PauseSkippingClock(_time), default));

        Assert.Equal(5, network.Requests);
    }

    [Fact]
    public async Task All_attempts_together_have_five_seconds()
    {
        using var network = new StubHandler(_ => throw new HttpRequestException(HttpRequestError.ConnectionError));
        var begin = _time.GetUtcNow();
        var request = new WebhookRequest(Url, WebhookMethod.Post, Form) { RetriesConnection = true };

        Assert.Null(await SendAsync(network, request, new PauseSkippingClock(_time), default));

        Assert.InRange(_time.GetUtcNow() - begin, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(6));
        Assert.InRange(network.Requests, 5, 20);
    }

    [Fact]
    public async Task What_another_attempt_cannot_change_is_not_tried_again()
    {
        foreach (var exception in new[]
        {
            new HttpRequestException(HttpRequestError.SecureConnectionError),
            new HttpRequestException(HttpRequestError.InvalidResponse),
            new HttpRequestException(HttpRequestError.ConnectionError, "private", new PrivateAddressException()),
        })
        {
            using var network = new StubHandler(_ => throw exception);

            Assert.Null(await SendAsync(network, new WebhookRequest(Url, WebhookMethod.Post, Form) { RetriesConnection = true }));

            Assert.Equal(1, network.Requests);
        }
    }

    [Fact]
    public async Task The_time_of_an_answer_can_be_shorter_for_a_URL()
    {
        var asked = new Barrier("the receiver gets the request");
        using var network = new StubHandler(async cancelled =>
        {
            asked.Reach();
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, cancelled);
            throw new InvalidOperationException("Unreachable.");
        });
        var sending = SendAsync(network, new WebhookRequest(Url + "#rt=700", WebhookMethod.Post, Form));
        await asked.Wait();

        _time.Advance(TimeSpan.FromMilliseconds(700));
        await Barrier.Within(sending, "the client gives up the request");

        Assert.Null(await sending);
    }

    [Fact]
    public async Task Cancellation_throws_to_the_caller()
    {
        using var network = new StubHandler(async cancelled =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, cancelled);
            throw new InvalidOperationException("Unreachable.");
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => SendAsync(network, WebhookMethod.Post, secret: null, cancellationToken: new CancellationToken(canceled: true)));
    }

    private async Task<string> TokenAsync(StubHandler network, IReadOnlyList<KeyValuePair<string, string>> form)
    {
        await SendAsync(network, WebhookMethod.Post, secret: null, form);
        return network.Headers["I-Twilio-Idempotency-Token"];
    }

    private async Task<HttpStatusCode?> SendAsync(
        StubHandler network,
        WebhookMethod method,
        string? secret,
        IReadOnlyList<KeyValuePair<string, string>>? form = null,
        CancellationToken cancellationToken = default)
    {
        return await SendAsync(network, new WebhookRequest(Url, method, form ?? Form) { Secret = secret }, _time, cancellationToken);
    }

    private Task<HttpStatusCode?> SendAsync(StubHandler network, WebhookRequest request) => SendAsync(network, request, _time, default);

    private static async Task<HttpStatusCode?> SendAsync(
        StubHandler network, WebhookRequest request, TimeProvider time, CancellationToken cancellationToken)
    {
        using var client = new WebhookClient(network, time);
        return (await client.SendAsync(request, cancellationToken)).Status;
    }
}
