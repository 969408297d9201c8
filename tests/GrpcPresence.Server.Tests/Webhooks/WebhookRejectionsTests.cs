using System.Net;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Webhooks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Webhooks;

/// <summary>What the log says of back ends that reject events.</summary>
public sealed class WebhookRejectionsTests : IDisposable
{
    private static readonly ServiceSid Service = new(1);

    private readonly FakeTimeProvider _time = new();
    private readonly LogRecorder _log = new();
    private readonly ILoggerFactory _loggers;
    private readonly WebhookRejections _rejections;

    public WebhookRejectionsTests()
    {
        _loggers = LoggerFactory.Create(builder => builder.AddProvider(_log));
        _rejections = new WebhookRejections(_time, _loggers.CreateLogger<WebhookRejections>());
    }

    public void Dispose()
    {
        _loggers.Dispose();
        _log.Dispose();
    }

    [Fact]
    public void A_rejection_is_logged_once_a_minute_without_query_and_credentials()
    {
        for (var i = 0; i < 3; i++)
            _rejections.Log(Service, "https://ada:pass@example.org/hook?key=secret", HttpStatusCode.Gone);

        var line = Assert.Single(_log.Problems).Text;
        Assert.Contains("https://example.org/hook", line, StringComparison.Ordinal);
        Assert.Contains("410", line, StringComparison.Ordinal);
        foreach (var hidden in new[] { "ada", "pass", "key", "secret" })
            Assert.DoesNotContain(hidden, line, StringComparison.Ordinal);

        _time.Advance(TimeSpan.FromMinutes(1));
        _rejections.Log(Service, "https://example.org/hook", HttpStatusCode.Gone);
        Assert.Equal(2, _log.Problems.Count);
    }

    [Fact]
    public void A_bounded_number_of_URLs_is_logged_in_a_minute()
    {
        for (var i = 0; i < 2 * WebhookRejections.MaxUrls; i++)
            _rejections.Log(Service, $"https://example.org/{i}", HttpStatusCode.NotFound);
        Assert.Equal(WebhookRejections.MaxUrls, _log.Problems.Count);

        _time.Advance(TimeSpan.FromMinutes(1));
        _rejections.Log(Service, "https://example.org/new", HttpStatusCode.NotFound);
        Assert.Equal(WebhookRejections.MaxUrls + 1, _log.Problems.Count);
    }
}
