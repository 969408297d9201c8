using System.Net;
using System.Net.Sockets;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Settings;
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

        Assert.Equal(HttpStatusCode.NoContent, await SendAsync(network, WebhookMethod.Post, authToken: "token"));

        Assert.Equal(HttpMethod.Post, network.Method);
        Assert.Equal(Url, network.Url!.AbsoluteUri);
        Assert.Equal("Identity=z%C3%BCrich+%26+co&EventType=onUserUpdated", network.Body);
        Assert.Equal(WebhookSignature.Of("token", Url, Form), network.Headers["X-Twilio-Signature"]);
        Assert.Equal("GrpcPresence", network.Headers["User-Agent"]);
    }

    [Fact]
    public async Task A_GET_carries_the_parameters_in_its_query_and_a_signature_of_its_URL()
    {
        using var network = new StubHandler(HttpStatusCode.OK);

        await SendAsync(network, WebhookMethod.Get, authToken: "token");

        Assert.Equal(HttpMethod.Get, network.Method);
        Assert.Equal(Url + "&Identity=z%C3%BCrich%20%26%20co&EventType=onUserUpdated", network.Url!.AbsoluteUri);
        Assert.Null(network.Body);
        Assert.Equal(WebhookSignature.Of("token", network.Url.AbsoluteUri, []), network.Headers["X-Twilio-Signature"]);
    }

    [Fact]
    public async Task Without_an_auth_token_nothing_is_signed()
    {
        using var network = new StubHandler(HttpStatusCode.OK);

        await SendAsync(network, WebhookMethod.Post, authToken: null);

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
        var sending = SendAsync(network, WebhookMethod.Post, authToken: null);
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

        Assert.Null(await SendAsync(network, WebhookMethod.Post, authToken: null));
    }

    [Fact]
    public async Task A_connection_reset_counts_as_a_missing_response()
    {
        using var reset = new StubHandler(_ => throw new SocketException((int)SocketError.NotConnected));
        using var ended = new StubHandler(_ => throw new IOException("The connection was reset."));

        Assert.Null(await SendAsync(reset, WebhookMethod.Post, authToken: null));
        Assert.Null(await SendAsync(ended, WebhookMethod.Post, authToken: null));
    }

    [Fact]
    public async Task An_internationalized_host_is_signed_as_the_receiver_sees_it()
    {
        using var network = new StubHandler(HttpStatusCode.OK);
        using var client = new WebhookClient(network, new ServerSettings { AuthToken = "token" }, _time);

        await client.SendAsync("https://münchen.example:8443/ü?a=b%20c", WebhookMethod.Post, Form, default);

        const string Seen = "https://xn--mnchen-3ya.example:8443/%C3%BC?a=b%20c";
        Assert.Equal(Seen, network.Url!.AbsoluteUri);
        Assert.Equal(WebhookSignature.Of("token", Seen, Form), network.Headers["X-Twilio-Signature"]);
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
            () => SendAsync(network, WebhookMethod.Post, authToken: null, cancellationToken: new CancellationToken(canceled: true)));
    }

    private async Task<string> TokenAsync(StubHandler network, IReadOnlyList<KeyValuePair<string, string>> form)
    {
        await SendAsync(network, WebhookMethod.Post, authToken: null, form);
        return network.Headers["I-Twilio-Idempotency-Token"];
    }

    private async Task<HttpStatusCode?> SendAsync(
        StubHandler network,
        WebhookMethod method,
        string? authToken,
        IReadOnlyList<KeyValuePair<string, string>>? form = null,
        CancellationToken cancellationToken = default)
    {
        using var client = new WebhookClient(network, new ServerSettings { AuthToken = authToken }, _time);
        return await client.SendAsync(Url, method, form ?? Form, cancellationToken);
    }
}
