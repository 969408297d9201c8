using System.Net;
using GrpcPresence.Server.Webhooks;
using Microsoft.Extensions.Time.Testing;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Webhooks;

public sealed class WebhookAddressPolicyTests
{
    private static readonly IPAddress Public = IPAddress.Parse("8.8.8.8");

    [Theory]
    [InlineData("http://127.0.0.1/")]
    [InlineData("http://127.1/")]
    [InlineData("http://2130706433/")]
    [InlineData("http://0x7f.0.0.1/")]
    [InlineData("http://0177.0.0.1/")]
    [InlineData("http://169.254.169.254/latest/meta-data")]
    [InlineData("https://10.1.2.3:8443/hook")]
    [InlineData("http://[::1]/")]
    [InlineData("http://[::ffff:127.0.0.1]/")]
    [InlineData("http://[fe80::1]/")]
    [InlineData("http://localhost/")]
    [InlineData("http://LOCALHOST:80/")]
    [InlineData("http://localhost./")]
    [InlineData("http://app.localhost/")]
    public void A_URL_with_a_private_host_is_rejected(string url)
    {
        Assert.True(new WebhookAddressPolicy(allowPrivate: false).Rejects(new Uri(url)));
        Assert.False(new WebhookAddressPolicy(allowPrivate: true).Rejects(new Uri(url)));
    }

    [Theory]
    [InlineData("https://example.com/")]
    [InlineData("https://8.8.8.8/")]
    [InlineData("https://[2606:4700::1111]/")]
    [InlineData("https://notlocalhost/")]
    [InlineData("https://localhost.example.com/")]
    public void Any_other_URL_may_be_set(string url) =>
        Assert.False(new WebhookAddressPolicy(allowPrivate: false).Rejects(new Uri(url)));

    [Fact]
    public async Task A_private_target_is_rejected_even_if_only_DNS_shows_it()
    {
        await using var receiver = await WebhookReceiver.StartAsync();

        Assert.Null(await CallAsync(allowPrivate: false, receiver, url: null, IPAddress.Loopback));
        Assert.Null(await CallAsync(allowPrivate: false, receiver, url: null, Public, IPAddress.Loopback));
        Assert.Null(await CallAsync(allowPrivate: false, receiver, url: null, IPAddress.Loopback, Public));

        Assert.Equal(0, receiver.Unread);
    }

    [Fact]
    public async Task A_connection_goes_to_the_address_that_was_checked()
    {
        await using var receiver = await WebhookReceiver.StartAsync();

        Assert.Equal(HttpStatusCode.OK, await CallAsync(allowPrivate: true, receiver, url: null, IPAddress.Loopback));

        Assert.Equal("rebound.example", new Uri((await receiver.NextAsync()).Url).Host);
    }

    [Fact]
    public async Task A_host_without_an_address_counts_as_a_missing_response()
    {
        await using var receiver = await WebhookReceiver.StartAsync();

        Assert.Null(await CallAsync(allowPrivate: false, receiver));
    }

    [Fact]
    public async Task A_literal_address_is_checked_when_it_is_called()
    {
        await using var receiver = await WebhookReceiver.StartAsync();

        Assert.Null(await CallAsync(allowPrivate: false, receiver, receiver.Url));

        Assert.Equal(0, receiver.Unread);
    }

    [Fact]
    public async Task The_time_of_a_connection_can_be_shorter_for_a_URL()
    {
        var time = new FakeTimeProvider();
        var connecting = new Barrier("the connection begins");
        using var network = new WebhookNetwork(
            allowPrivate: false,
            lookup: _ => Task.FromResult(new[] { Public }),
            connect: async (_, cancelled) =>
            {
                connecting.Reach();
                await Task.Delay(Timeout.InfiniteTimeSpan, time, cancelled);
                throw new InvalidOperationException("Unreachable.");
            },
            time: time);
        var sending = network.SendAsync("http://slow.example/#ct=300&rt=100");
        await connecting.Wait();

        time.Advance(TimeSpan.FromMilliseconds(299));
        Assert.False(sending.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        await Barrier.Within(sending, "the client gives up the connection");

        Assert.Null(await sending);
    }

    [Fact]
    public async Task A_redirect_is_not_followed()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.Answer = _ => 307;

        Assert.Equal(HttpStatusCode.TemporaryRedirect, await CallAsync(allowPrivate: true, receiver, receiver.Url));
    }

    private static async Task<HttpStatusCode?> CallAsync(
        bool allowPrivate, WebhookReceiver receiver, string? url = null, params IPAddress[] addresses)
    {
        using var network = new WebhookNetwork(allowPrivate, lookup: _ => Task.FromResult(addresses));
        return await network.SendAsync(url ?? $"http://rebound.example:{receiver.Address.Port}/");
    }
}
