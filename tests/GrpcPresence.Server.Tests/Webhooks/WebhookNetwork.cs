using System.Net;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>What sends webhooks, with the name server, the connections, the limits and the clock that a test chooses.</summary>
internal sealed class WebhookNetwork : IDisposable
{
    private readonly PresenceMetrics _metrics = new();

    public WebhookNetwork(
        bool allowPrivate = true,
        Func<string, Task<IPAddress[]>>? lookup = null,
        ConnectAddress? connect = null,
        TimeProvider? time = null,
        int connections = 512,
        int connectionsPerUse = 64,
        int lookups = 128,
        int lookupsPerUse = 2)
    {
        time ??= TimeProvider.System;
        Connections = new WebhookLimit(Quota.WebhookConnections, connections, connectionsPerUse, _metrics);
        Lookups = new WebhookLimit(Quota.WebhookLookups, lookups, lookupsPerUse, _metrics);
        Resolver = new NameResolver(lookup ?? NameResolver.LookUpOnOwnThreadAsync, Lookups, time);
        Pools = new WebhookConnectionPools(
            (use, tcp) => WebhookHandler.New(new WebhookConnector(
                use, new WebhookAddressPolicy(allowPrivate), Resolver, new HappyEyeballs(connect ?? tcp, time)).ConnectAsync),
            Connections,
            time);
        Client = new WebhookClient(Pools, time);
    }

    public WebhookLimit Connections { get; }

    public WebhookLimit Lookups { get; }

    public NameResolver Resolver { get; }

    public WebhookConnectionPools Pools { get; }

    public WebhookClient Client { get; }

    /// <summary>Sends one webhook, and returns the status of the response; null without a response.</summary>
    public async Task<HttpStatusCode?> SendAsync(string url, WebhookUse use = default, bool retriesConnection = false) =>
        (await AskAsync(url, use, retriesConnection)).Status;

    /// <summary>Sends one webhook.</summary>
    public Task<WebhookAnswer> AskAsync(string url, WebhookUse use = default, bool retriesConnection = false) =>
        Client.SendAsync(
            new WebhookRequest(url, WebhookMethod.Post, []) { Use = use, RetriesConnection = retriesConnection }, TestRun.Token);

    public void Dispose()
    {
        Client.Dispose();
        Pools.Dispose();
        _metrics.Dispose();
    }
}
