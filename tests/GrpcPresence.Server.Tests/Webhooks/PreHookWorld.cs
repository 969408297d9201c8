using System.Net;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Webhooks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>Two service instances whose pre-hook does not answer until the test chooses.</summary>
internal sealed class PreHookWorld : IAsyncDisposable
{
    private readonly TestServer _server;
    private readonly FakeTimeProvider _time;
    private readonly PresenceMetrics _metrics = new();
    private readonly TaskCompletionSource<HttpStatusCode> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SemaphoreSlim _asked = new(0);
    private readonly StubHandler _network;
    private readonly WebhookClient _client;
    private readonly PreHook _preHook;

    private PreHookWorld(TestServer server, FakeTimeProvider time, ObservedClock timers, int pending, int total)
    {
        (_server, _time, Timers) = (server, time, timers);
        _network = new StubHandler(async _ =>
        {
            _asked.Release();
            return new HttpResponseMessage(await _answer.Task);
        });
        _client = new WebhookClient(_network, new FakeTimeProvider());
        var limits = server.Get<WebhookLimits>() with { Pending = new WebhookLimit(Quota.PendingPreWebhooks, total, pending, _metrics) };
        _preHook = new PreHook(
            server.Store,
            _client,
            server.Get<WebhookSecrets>(),
            limits,
            server.Get<QuotaLimiter>(),
            server.Get<WebhookLog>(),
            new ServerSettings(),
            server.Get<IHostApplicationLifetime>());
    }

    /// <summary>Reports when the server sets a timer.</summary>
    public ObservedClock Timers { get; }

    public ServiceSid Hostile { get; private set; }

    public ServiceSid Honest { get; private set; }

    public static async Task<PreHookWorld> StartAsync(int pending, int total = 1000)
    {
        var time = new FakeTimeProvider();
        var timers = new ObservedClock(time);
        var world = new PreHookWorld(await TestServer.StartAsync(time: timers), time, timers, pending, total);
        (world.Hostile, world.Honest) = (await world.AddServiceAsync(), await world.AddServiceAsync());
        return world;
    }

    /// <summary>Advances the clock of the server.</summary>
    public void Advance(TimeSpan by) => _time.Advance(by);

    /// <summary>Asks before an edit of a user of the service instance.</summary>
    public async Task AskAsync(ServiceSid service)
    {
        Assert.True(UserKey.TryParse("ada", out var key));
        await _preHook.AskAsync(service, key, new UserEdit("Countess", Attributes: null, RoleSid: null), TestRun.Token);
    }

    /// <summary>Begins to ask before an edit; returns when the pre-hook has the request, with a task of the edit.</summary>
    public async Task<Task> BeginAskingAsync(ServiceSid service)
    {
        var asking = AskAsync(service);
        await Barrier.Within(_asked.WaitAsync(TestRun.Token), "the pre-hook gets a request");
        return asking;
    }

    /// <summary>Answers all requests, from now on at once.</summary>
    public void Answer(HttpStatusCode status) => _answer.SetResult(status);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _client.Dispose();
        _network.Dispose();
        _asked.Dispose();
        _metrics.Dispose();
    }

    private async Task<ServiceSid> AddServiceAsync()
    {
        Assert.True(ServiceSid.TryParse(await _server.CreateServiceAsync(), out var service));
        await _server.CreateUserAsync(service.ToString(), "ada");
        var settings = new WebhookSettings { PreUrl = "https://example.com/hook", Filters = [WebhookEvents.UserUpdate] };
        await _server.Get<CommandQueue>().SubmitAsync(new UpdateWebhookSettings(service, _ => settings));
        return service;
    }
}
