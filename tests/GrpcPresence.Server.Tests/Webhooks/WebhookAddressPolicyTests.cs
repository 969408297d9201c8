using System.Collections.Concurrent;
using System.Net;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Tests.Fixture;
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
        Assert.True(Guard(allowPrivate: false).Rejects(new Uri(url)));
        Assert.False(Guard(allowPrivate: true).Rejects(new Uri(url)));
    }

    [Theory]
    [InlineData("https://example.com/")]
    [InlineData("https://8.8.8.8/")]
    [InlineData("https://[2606:4700::1111]/")]
    [InlineData("https://notlocalhost/")]
    [InlineData("https://localhost.example.com/")]
    public void Any_other_URL_may_be_set(string url) => Assert.False(Guard(allowPrivate: false).Rejects(new Uri(url)));

    [Fact]
    public async Task A_private_target_is_rejected_even_if_only_DNS_shows_it()
    {
        await using var receiver = await WebhookReceiver.StartAsync();

        Assert.Null(await CallAsync(Guard(allowPrivate: false, IPAddress.Loopback), receiver));
        Assert.Null(await CallAsync(Guard(allowPrivate: false, Public, IPAddress.Loopback), receiver));
        Assert.Null(await CallAsync(Guard(allowPrivate: false, IPAddress.Loopback, Public), receiver));

        Assert.Equal(0, receiver.Unread);
    }

    [Fact]
    public async Task A_connection_goes_to_the_address_that_was_checked()
    {
        await using var receiver = await WebhookReceiver.StartAsync();

        Assert.Equal(HttpStatusCode.OK, await CallAsync(Guard(allowPrivate: true, IPAddress.Loopback), receiver));

        Assert.Equal("rebound.example", new Uri((await receiver.NextAsync()).Url).Host);
    }

    [Fact]
    public async Task A_host_without_an_address_counts_as_a_missing_response()
    {
        await using var receiver = await WebhookReceiver.StartAsync();

        Assert.Null(await CallAsync(Guard(allowPrivate: false), receiver));
    }

    [Fact]
    public async Task A_literal_address_is_checked_when_it_is_called()
    {
        await using var receiver = await WebhookReceiver.StartAsync();

        Assert.Null(await CallAsync(Guard(allowPrivate: false), receiver, receiver.Url));

        Assert.Equal(0, receiver.Unread);
    }

    [Fact]
    public async Task Unresolvable_names_use_a_limited_number_of_threads_even_after_their_requests_gave_up()
    {
        using var started = new SemaphoreSlim(0);
        var answers = new ConcurrentQueue<TaskCompletionSource<IPAddress[]>>();
        using var guard = new WebhookAddressPolicy(allowPrivate: false, ResolveAsync, HappyEyeballs.OverTcp(TimeProvider.System));
        using var handler = WebhookHandler.New(guard);
        using var asked = new SemaphoreSlim(0);
        using var tired = new CancellationTokenSource();
        var patience = tired.Token; // the handler's own token: it waits for a connection longer than a request does
        handler.ConnectCallback = (context, _) =>
        {
            var connection = guard.ConnectAsync(context, patience); // starts to resolve before it returns, if a place is free
            asked.Release();
            return connection;
        };
        using var client = new WebhookClient(handler, new FakeTimeProvider());
        var calls = Enumerable.Range(0, WebhookAddressPolicy.ResolutionsAtOnce).Select(i =>
            CallAsync($"http://black-hole-{i}.example/")).ToList();
        foreach (var _ in calls)
        {
            await Barrier.Within(started.WaitAsync(TestRun.Token), "the policy resolves a name");
            await Barrier.Within(asked.WaitAsync(TestRun.Token), "the handler asks for a connection");
        }

        await tired.CancelAsync();
        foreach (var call in calls)
            Assert.Null(await call);
        patience = TestRun.Token;
        var next = CallAsync("http://next.example/");

        await Barrier.Within(asked.WaitAsync(TestRun.Token), "the handler asks for the next connection");
        Assert.Equal(WebhookAddressPolicy.ResolutionsAtOnce, answers.Count);
        answers.First().SetResult([IPAddress.Loopback]);
        await Barrier.Within(started.WaitAsync(TestRun.Token), "the policy resolves the next name");
        answers.Last().SetResult([IPAddress.Loopback]);
        Assert.Null(await next);

        Task<HttpStatusCode?> CallAsync(string url) => client.SendAsync(new WebhookRequest(url, WebhookMethod.Post, []), TestRun.Token);

        Task<IPAddress[]> ResolveAsync(string host)
        {
            var answer = new TaskCompletionSource<IPAddress[]>(TaskCreationOptions.RunContinuationsAsynchronously);
            answers.Enqueue(answer);
            started.Release();
            return answer.Task;
        }
    }

    [Fact]
    public async Task The_time_of_a_connection_can_be_shorter_for_a_URL()
    {
        var time = new FakeTimeProvider();
        var connecting = new Barrier("the connection begins");
        using var guard = new WebhookAddressPolicy(allowPrivate: false, _ => Task.FromResult(new[] { Public }), new HappyEyeballs(
            async (_, cancelled) =>
            {
                connecting.Reach();
                await Task.Delay(Timeout.InfiniteTimeSpan, time, cancelled);
                throw new InvalidOperationException("Unreachable.");
            },
            time));
        using var handler = WebhookHandler.New(guard);
        using var client = new WebhookClient(handler, time);
        var sending = client.SendAsync(new WebhookRequest("http://slow.example/#ct=300&rt=100", WebhookMethod.Post, []), TestRun.Token);
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

        Assert.Equal(HttpStatusCode.TemporaryRedirect, await CallAsync(Guard(allowPrivate: true), receiver, receiver.Url));
    }

    /// <summary>Creates a policy that resolves every name to these addresses.</summary>
    private static WebhookAddressPolicy Guard(bool allowPrivate, params IPAddress[] addresses) =>
        new(allowPrivate, _ => Task.FromResult(addresses), HappyEyeballs.OverTcp(TimeProvider.System));

    private static async Task<HttpStatusCode?> CallAsync(WebhookAddressPolicy guard, WebhookReceiver receiver, string? url = null)
    {
        using var handler = WebhookHandler.New(guard);
        using var client = new WebhookClient(handler, TimeProvider.System);
        url ??= $"http://rebound.example:{receiver.Address.Port}/";
        return await client.SendAsync(new WebhookRequest(url, WebhookMethod.Post, []), default);
    }
}
