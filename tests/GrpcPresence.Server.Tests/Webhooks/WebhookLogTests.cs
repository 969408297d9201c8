using System.Net;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Webhooks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>What the log says of back ends that reject or fail events.</summary>
public sealed class WebhookLogTests : IDisposable
{
    private static readonly ServiceSid Service = new(1);

    private readonly FakeTimeProvider _time = new();
    private readonly LogRecorder _log = new();
    private readonly ILoggerFactory _loggers;
    private readonly PresenceMetrics _metrics = new();
    private readonly WebhookLog _logOfWebhooks;

    public WebhookLogTests()
    {
        _loggers = LoggerFactory.Create(builder => builder.AddProvider(_log));
        _logOfWebhooks = new WebhookLog(_metrics, _time, _loggers.CreateLogger<WebhookLog>());
    }

    public void Dispose()
    {
        _loggers.Dispose();
        _metrics.Dispose();
        _log.Dispose();
    }

    [Fact]
    public void A_rejection_is_logged_once_a_minute_without_query_and_credentials()
    {
        for (var i = 0; i < 3; i++)
            _logOfWebhooks.Rejected(Service, "https://ada:pass@example.org/hook?key=secret", HttpStatusCode.Gone);

        var line = Assert.Single(_log.Problems).Text;
        Assert.Contains("https://example.org/hook", line, StringComparison.Ordinal);
        Assert.Contains("410", line, StringComparison.Ordinal);
        foreach (var hidden in new[] { "ada", "pass", "key", "secret" })
            Assert.DoesNotContain(hidden, line, StringComparison.Ordinal);

        _time.Advance(TimeSpan.FromMinutes(1));
        _logOfWebhooks.Rejected(Service, "https://example.org/hook", HttpStatusCode.Gone);
        Assert.Equal(2, _log.Problems.Count);
    }

    [Fact]
    public void The_URLs_of_one_service_instance_do_not_use_up_the_entries_of_others()
    {
        for (var i = 0; i < 100; i++)
            _logOfWebhooks.Rejected(Service, $"https://example.org/{i}", HttpStatusCode.NotFound);
        Assert.Equal(WebhookLog.PerTenant, _log.Problems.Count);

        _logOfWebhooks.Rejected(new ServiceSid(2), "https://example.org/0", HttpStatusCode.NotFound);
        Assert.Equal(WebhookLog.PerTenant + 1, _log.Problems.Count);
    }

    [Fact]
    public void All_URLs_together_have_a_limit_for_each_minute()
    {
        for (var i = 0; i < 10 * WebhookLog.Total; i++)
            _logOfWebhooks.Rejected(new ServiceSid((UInt128)(i / 10)), $"https://example.org/{i}", HttpStatusCode.NotFound);
        Assert.Equal(WebhookLog.Total, _log.Problems.Count);

        _time.Advance(TimeSpan.FromMinutes(1));
        _logOfWebhooks.Rejected(Service, "https://example.org/new", HttpStatusCode.NotFound);
        Assert.Equal(WebhookLog.Total + 1, _log.Problems.Count);
    }

    [Fact]
    public void Edits_without_a_decision_are_logged_once_a_minute_for_each_reason_within_the_limits()
    {
        for (var i = 0; i < 100; i++)
            _logOfWebhooks.Undecided(Service, "no connection", isRejected: false);
        Assert.Single(_log.Problems);

        for (var i = 0; i < 100; i++)
            _logOfWebhooks.Undecided(Service, $"HTTP status {500 + i}", isRejected: true);
        Assert.Equal(WebhookLog.PerTenant, _log.Problems.Count);

        _logOfWebhooks.Undecided(new ServiceSid(2), "no connection", isRejected: false);
        _logOfWebhooks.Rejected(Service, "https://example.org/hook", HttpStatusCode.Gone);
        Assert.Equal(WebhookLog.PerTenant + 2, _log.Problems.Count);
        _time.Advance(TimeSpan.FromMinutes(1));
        _logOfWebhooks.Undecided(Service, "no connection", isRejected: false);
        Assert.Equal(WebhookLog.PerTenant + 3, _log.Problems.Count);
    }

    [Fact]
    public void Users_whose_events_were_given_up_are_logged_within_the_limit_of_their_service_instance()
    {
        for (var i = 0; i < 100; i++)
            _logOfWebhooks.GivenUp(Service, new UserSid((UInt128)i));
        Assert.Equal(WebhookLog.PerTenant, _log.Problems.Count);

        _logOfWebhooks.GivenUp(new ServiceSid(2), new UserSid(1));
        Assert.Equal(WebhookLog.PerTenant + 1, _log.Problems.Count);
    }
}
