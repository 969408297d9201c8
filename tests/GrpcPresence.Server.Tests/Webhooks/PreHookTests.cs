using System.Net;
using GrpcPresence.Core.Domain;
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
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;

namespace GrpcPresence.Server.Tests.Webhooks;

public sealed class PreHookTests
{
    private static readonly UserEdit Edit = new("Countess", Attributes: null, RoleSid: null);

    [Theory]
    [InlineData(400)]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task A_response_of_4xx_or_5xx_rejects_the_edit(int status)
    {
        var refusal = await Assert.ThrowsAsync<PresenceException>(() => AskAsync(new StubHandler((HttpStatusCode)status)));

        Assert.Equal(ErrorReason.WebhookRefused, refusal.Reason);
        Assert.Equal($"{status}", refusal.Details["webhook_status"]);
    }

    [Theory]
    [InlineData(200)]
    [InlineData(204)]
    [InlineData(302)]
    public async Task Any_other_response_allows_the_edit(int status)
    {
        using var network = new StubHandler((HttpStatusCode)status);

        await AskAsync(network);

        Assert.Equal(1, network.Requests);
        Assert.Contains("EventType=onUserUpdate&", network.Body, StringComparison.Ordinal);
        Assert.Contains("FriendlyName=Countess&", network.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_response_allows_the_edit()
    {
        using var network = new StubHandler(_ => throw new HttpRequestException("Connection refused."));

        await AskAsync(network);

        Assert.InRange(network.Requests, 2, 20);
    }

    [Fact]
    public async Task A_missing_response_rejects_the_edit_where_the_service_instance_fails_closed()
    {
        using var network = new StubHandler(_ => throw new HttpRequestException("Connection refused."));

        var refusal = await Assert.ThrowsAsync<PresenceException>(
            () => AskAsync(network, settings => settings with { PreFailsClosed = true }));

        Assert.Equal(ErrorReason.WebhookUnanswered, refusal.Reason);
    }

    [Fact]
    public async Task An_answer_after_a_failed_connection_decides()
    {
        var isFirst = true;
        using var network = new StubHandler(_ =>
        {
            if (!isFirst)
                return Task.FromResult(new HttpResponseMessage(HttpStatusCode.Forbidden));
            isFirst = false;
            throw new HttpRequestException(HttpRequestError.ResponseEnded);
        });

        var refusal = await Assert.ThrowsAsync<PresenceException>(() => AskAsync(network));

        Assert.Equal(ErrorReason.WebhookRefused, refusal.Reason);
    }

    [Fact]
    public async Task The_pre_hook_is_called_only_if_the_filters_contain_the_event()
    {
        using var network = new StubHandler(HttpStatusCode.Forbidden);

        await AskAsync(network, settings => settings with { Filters = [WebhookEvents.UserUpdated] });
        await AskAsync(network, settings => settings with { PreUrl = "", PostUrl = settings.PreUrl });

        Assert.Equal(0, network.Requests);
    }

    [Fact]
    public async Task The_pre_hook_is_not_called_for_an_edit_without_changes()
    {
        using var network = new StubHandler(HttpStatusCode.Forbidden);

        await AskAsync(network, edit: new UserEdit("", "{}", RoleSid: null));

        Assert.Equal(0, network.Requests);
    }

    [Fact]
    public async Task Never_unasked_an_edit_of_a_missing_user_is_rejected_before_the_user_can_be_created()
    {
        using var network = new StubHandler(HttpStatusCode.OK);

        var refusal = await Assert.ThrowsAsync<PresenceException>(() => AskAsync(network, identity: "nobody"));

        Assert.Equal((ErrorReason.UserNotFound, 0), (refusal.Reason, network.Requests));
    }

    [Fact]
    public async Task Edits_that_wait_for_the_pre_hook_of_one_service_instance_are_limited_and_leave_the_others_theirs()
    {
        await using var world = await PreHookWorld.StartAsync(pending: 2);
        var waiting = new[] { await world.BeginAskingAsync(world.Hostile), await world.BeginAskingAsync(world.Hostile) };

        var refusal = await Assert.ThrowsAsync<PresenceException>(() => world.AskAsync(world.Hostile));

        Assert.Equal(
            (ErrorReason.QuotaExceeded, "pending_pre_webhooks", "service_instance", "2"),
            (refusal.Reason, refusal.Details["quota"], refusal.Details["subject"], refusal.Details["limit"]));
        Assert.NotNull(refusal.RetryAfter);
        var other = await world.BeginAskingAsync(world.Honest);
        world.Answer(HttpStatusCode.OK);
        await Task.WhenAll([.. waiting, other]);
        await world.AskAsync(world.Hostile);
    }

    [Fact]
    public async Task Rejections_of_edits_that_may_not_wait_are_delayed_for_a_service_instance_that_ignores_them()
    {
        await using var world = await PreHookWorld.StartAsync(pending: 1);
        var waiting = await world.BeginAskingAsync(world.Hostile);
        for (var i = 0; i < Limits.PromptRejectionsPerSecond; i++)
            await Assert.ThrowsAsync<PresenceException>(() => world.AskAsync(world.Hostile));

        var hold = world.Timers.WhenTimerSet(due => due >= Limits.RejectionDelay && due <= Limits.MaxRejectionDelay);
        var held = world.AskAsync(world.Hostile);
        await Barrier.Within(hold, "the server delays the rejection");
        Assert.False(held.IsCompleted);

        world.Advance(Limits.MaxRejectionDelay);
        await Assert.ThrowsAsync<PresenceException>(() => held);
        world.Answer(HttpStatusCode.OK);
        await waiting;
    }

    [Fact]
    public async Task An_edit_is_rejected_where_the_server_cannot_ask_for_its_own_reasons()
    {
        await using var world = await PreHookWorld.StartAsync(pending: 2, total: 1);
        var waiting = await world.BeginAskingAsync(world.Hostile);

        var refusal = await Assert.ThrowsAsync<PresenceException>(() => world.AskAsync(world.Honest));

        Assert.Equal(ErrorReason.WebhookCapacityExceeded, refusal.Reason);
        world.Answer(HttpStatusCode.OK);
        await waiting;
        await world.AskAsync(world.Honest);
    }

    [Fact]
    public async Task An_edit_is_rejected_where_no_lookup_or_connection_is_free()
    {
        using var network = new StubHandler(
            _ => throw new HttpRequestException("Refused.", PresenceErrors.WebhookCapacityExceeded()));

        var refusal = await Assert.ThrowsAsync<PresenceException>(() => AskAsync(network));

        Assert.Equal(ErrorReason.WebhookCapacityExceeded, refusal.Reason);
        Assert.Equal(1, network.Requests);
    }

    [Theory]
    [InlineData("https://example.com/hook?Identity=ada")]
    [InlineData("not a URL")]
    public async Task Never_unasked_an_edit_is_rejected_where_the_server_does_not_call_the_stored_URL(string url)
    {
        using var network = new StubHandler(HttpStatusCode.OK);

        var refusal = await Assert.ThrowsAsync<PresenceException>(() => AskAsync(network, settings => settings with { PreUrl = url }));

        Assert.Equal((ErrorReason.WebhookUnanswered, 0), (refusal.Reason, network.Requests));
    }

    [Fact]
    public async Task Never_unasked_an_edit_is_rejected_where_the_server_does_not_call_the_address()
    {
        using var network = new StubHandler(_ => throw PrivateAddress());

        var refusal = await Assert.ThrowsAsync<PresenceException>(() => AskAsync(network));

        Assert.Equal(ErrorReason.WebhookUnanswered, refusal.Reason);
    }

    [Fact]
    public async Task Undecided_every_reason_is_logged_once_a_minute_with_its_outcome_and_without_the_URL()
    {
        using var log = new LogRecorder();
        (Exception Failure, string Reason, bool Passes)[] failures =
        [
            (new HttpRequestException(HttpRequestError.ConnectionError), "no connection", true),
            (new HttpRequestException(HttpRequestError.NameResolutionError), "the host name was not resolved", true),
            (new HttpRequestException(HttpRequestError.SecureConnectionError), "the handshake of TLS failed", true),
            (new HttpRequestException(HttpRequestError.InvalidResponse), "the response is invalid", true),
            (new HttpRequestException("", PresenceErrors.WebhookCapacityExceeded()), "the server has no capacity left", false),
        ];
        foreach (var (failure, reason, passes) in failures)
        {
            using var network = new StubHandler(_ => throw failure);
            var asking = AskAsync(network, log: log);
            if (passes)
                await asking;
            else
                await Assert.ThrowsAsync<PresenceException>(() => asking);

            var line = log.Problems[^1].Text;
            Assert.Contains(reason, line, StringComparison.Ordinal);
            Assert.Contains(passes ? "The edit proceeds." : "The edit is rejected.", line, StringComparison.Ordinal);
            Assert.DoesNotContain("example.com", line, StringComparison.Ordinal);
        }
        Assert.Equal(failures.Length, log.Problems.Count);
    }

    [Theory]
    [InlineData(403, false)]
    [InlineData(503, true)]
    public async Task Undecided_only_responses_that_show_a_failure_of_the_back_end_are_logged(int status, bool isLogged)
    {
        using var log = new LogRecorder();
        using var network = new StubHandler((HttpStatusCode)status);

        await Assert.ThrowsAsync<PresenceException>(() => AskAsync(network, log: log));

        Assert.Equal(isLogged ? 1 : 0, log.Problems.Count(entry => entry.Text.Contains("HTTP status 503", StringComparison.Ordinal)));
        Assert.Equal(isLogged ? 1 : 0, log.Problems.Count);
    }

    private static HttpRequestException PrivateAddress() => new("Refused.", new PrivateAddressException());

    private static async Task AskAsync(
        StubHandler network,
        Func<WebhookSettings, WebhookSettings>? settings = null,
        UserEdit? edit = null,
        string identity = "ada",
        LogRecorder? log = null)
    {
        await using var server = await TestServer.StartAsync();
        Assert.True(ServiceSid.TryParse(await server.CreateServiceAsync(), out var service));
        await server.CreateUserAsync(service.ToString(), "ada");
        var asked = new WebhookSettings { PreUrl = "https://example.com/hook", Filters = [WebhookEvents.UserUpdate] };
        await server.Get<CommandQueue>().SubmitAsync(new UpdateWebhookSettings(service, _ => settings?.Invoke(asked) ?? asked));
        Assert.True(UserKey.TryParse(identity, out var key));

        using var client = new WebhookClient(network, new PauseSkippingClock(new FakeTimeProvider()));
        using var metrics = new PresenceMetrics();
        using var loggers = LoggerFactory.Create(builder => builder.AddProvider(log ?? server.Log));
        var prehook = new PreHook(
            server.Store,
            client,
            server.Get<WebhookSecrets>(),
            server.Get<WebhookLimits>(),
            server.Get<QuotaLimiter>(),
            new WebhookLog(metrics, new FakeTimeProvider(), loggers.CreateLogger<WebhookLog>()),
            new ServerSettings(),
            server.Get<IHostApplicationLifetime>());
        await prehook.AskAsync(service, key, edit ?? Edit, TestRun.Token);
    }
}
