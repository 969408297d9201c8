using System.Net;
using System.Net.Sockets;
using System.Text;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Webhooks;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>How service instances share the connections to receivers.</summary>
public sealed class WebhookConnectionPoolsTests
{
    private static readonly WebhookUse Hostile = new(new ServiceSid(1));
    private static readonly WebhookUse Honest = new(new ServiceSid(2));

    [Theory]
    [InlineData(SocketError.TooManyOpenSockets, AddressFamily.InterNetwork, true)]
    [InlineData(SocketError.TooManyOpenSockets, AddressFamily.InterNetworkV6, true)]
    [InlineData(SocketError.NoBufferSpaceAvailable, AddressFamily.InterNetwork, true)]
    [InlineData(SocketError.AddressNotAvailable, AddressFamily.InterNetwork, true)]
    [InlineData(SocketError.AddressNotAvailable, AddressFamily.InterNetworkV6, false)]
    [InlineData(SocketError.ConnectionRefused, AddressFamily.InterNetwork, false)]
    [InlineData(SocketError.NetworkUnreachable, AddressFamily.InterNetwork, false)]
    public void Never_unasked_a_shortage_of_this_system_does_not_count_as_an_unavailable_receiver(
        SocketError error, AddressFamily family, bool isShortage) =>
        Assert.Equal(isShortage, WebhookConnection.IsShortage(error, family));

    [Fact]
    public async Task Requests_of_one_service_instance_that_hang_do_not_occupy_the_connections_of_another_to_the_same_receiver()
    {
        var answers = true;
        await using var receiver = new HostileReceiver((stream, token) => answers ? AnswerAsync(stream, token) : Task.CompletedTask);
        using var network = new WebhookNetwork(time: new FakeTimeProvider());
        Assert.Equal(HttpStatusCode.OK, await network.SendAsync(receiver.Url, Honest));
        await receiver.BeganAsync();

        answers = false;
        for (var i = 0; i < 5; i++)
        {
            _ = network.SendAsync(receiver.Url, Hostile);
            await receiver.BeganAsync();
        }
        Assert.Equal(6, receiver.Connections);
        answers = true;

        Assert.Equal(HttpStatusCode.OK, await network.SendAsync(receiver.Url, Honest));
        Assert.Equal(6, receiver.Connections);
    }

    [Fact]
    public async Task A_service_instance_has_a_limit_of_connections_and_leaves_the_others_theirs()
    {
        await using var hanging = new HostileReceiver((_, _) => Task.CompletedTask);
        await using var answering = new HostileReceiver(AnswerAsync);
        using var network = new WebhookNetwork(time: new FakeTimeProvider(), connectionsPerUse: 2);
        for (var i = 0; i < 2; i++)
        {
            _ = network.SendAsync(hanging.Url, Hostile);
            await hanging.BeganAsync();
        }

        var refusal = await Assert.ThrowsAsync<PresenceException>(() => network.SendAsync(hanging.Url, Hostile, retriesConnection: true));

        Assert.Equal((ErrorReason.QuotaExceeded, "webhook_connections"), (refusal.Reason, refusal.Details["quota"]));
        Assert.Equal(HttpStatusCode.OK, await network.SendAsync(answering.Url, Honest));
        Assert.Equal(2, hanging.Connections);
    }

    [Fact]
    public async Task Events_that_hang_leave_the_connections_of_edits_of_the_same_service_instance()
    {
        await using var hanging = new HostileReceiver((_, _) => Task.CompletedTask);
        await using var answering = new HostileReceiver(AnswerAsync);
        using var network = new WebhookNetwork(time: new FakeTimeProvider(), connectionsPerUse: 1);
        _ = network.SendAsync(hanging.Url, Honest);
        await hanging.BeganAsync();

        Assert.Equal(HttpStatusCode.OK, await network.SendAsync(answering.Url, Honest with { IsBeforeEdit = true }));
    }

    [Fact]
    public async Task Without_a_free_connection_the_server_reports_its_own_lack_of_capacity()
    {
        await using var hanging = new HostileReceiver((_, _) => Task.CompletedTask);
        using var network = new WebhookNetwork(time: new FakeTimeProvider(), connections: 1);
        _ = network.SendAsync(hanging.Url, Hostile);
        await hanging.BeganAsync();

        var refusal = await Assert.ThrowsAsync<PresenceException>(() => network.SendAsync(hanging.Url, Honest, retriesConnection: true));

        Assert.Equal(ErrorReason.WebhookCapacityExceeded, refusal.Reason);
    }

    [Fact]
    public async Task Idle_connections_give_way_when_none_is_free()
    {
        await using var first = new HostileReceiver(AnswerAsync);
        await using var second = new HostileReceiver(AnswerAsync);
        using var network = new WebhookNetwork(connections: 1);
        Assert.Equal(HttpStatusCode.OK, await network.SendAsync(first.Url, Hostile));

        Assert.Equal(HttpStatusCode.OK, await network.SendAsync(second.Url, Honest));

        await first.ClosedAsync();
        Assert.Equal(1, network.Connections.Level);
    }

    [Fact]
    public async Task Idle_connections_of_a_service_instance_give_way_to_its_own()
    {
        await using var first = new HostileReceiver(AnswerAsync);
        await using var second = new HostileReceiver(AnswerAsync);
        using var network = new WebhookNetwork(connectionsPerUse: 1);
        Assert.Equal(HttpStatusCode.OK, await network.SendAsync(first.Url, Hostile));

        Assert.Equal(HttpStatusCode.OK, await network.SendAsync(second.Url, Hostile));

        await first.ClosedAsync();
    }

    [Fact]
    public async Task A_failed_connection_is_not_counted()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        using var network = new WebhookNetwork();

        Assert.Null(await network.SendAsync($"http://127.0.0.1:{port}/", Hostile));

        Assert.Equal(0, network.Connections.Level);
    }

    [Fact]
    public async Task A_service_instance_that_changes_its_URL_again_and_again_leaves_no_growth()
    {
        var disposed = 0;
        using var metrics = new PresenceMetrics();
        using var pools = new WebhookConnectionPools(
            (_, _) => new DisposalCounter(() => disposed++),
            new WebhookLimit(Quota.WebhookConnections, 10, 10, metrics),
            new FakeTimeProvider());
        using var client = new WebhookClient(pools, TimeProvider.System);

        for (var i = 0; i < 10_000; i++)
        {
            var request = new WebhookRequest($"https://{i}.example/", WebhookMethod.Post, []) { Use = Hostile };
            Assert.Equal(HttpStatusCode.OK, (await client.SendAsync(request, TestRun.Token)).Status);
        }

        Assert.Equal((1, 9_999), (pools.Count, disposed));
    }

    [Fact]
    public async Task Pools_that_are_not_used_for_a_while_are_closed()
    {
        var time = new FakeTimeProvider();
        using var metrics = new PresenceMetrics();
        using var pools = new WebhookConnectionPools(
            (_, _) => new DisposalCounter(() => { }), new WebhookLimit(Quota.WebhookConnections, 10, 10, metrics), time);
        using var client = new WebhookClient(pools, TimeProvider.System);
        for (var tenant = 0; tenant < 100; tenant++)
            await SendAsync(tenant);
        Assert.Equal(100, pools.Count);

        time.Advance(WebhookConnectionPools.UnusedLifetime);
        await SendAsync(100);

        Assert.Equal(1, pools.Count);

        Task SendAsync(int tenant) => client.SendAsync(
            new WebhookRequest("https://example.org/", WebhookMethod.Post, []) { Use = new WebhookUse(new ServiceSid((UInt128)tenant)) },
            TestRun.Token);
    }

    private static Task AnswerAsync(NetworkStream stream, CancellationToken cancellationToken) =>
        stream.WriteAsync(Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), cancellationToken).AsTask();

    private sealed class DisposalCounter(Action disposed) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK));

        protected override void Dispose(bool disposing)
        {
            disposed();
            base.Dispose(disposing);
        }
    }
}
