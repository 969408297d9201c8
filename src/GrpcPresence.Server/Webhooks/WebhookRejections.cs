using System.Net;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Logs endpoints that reject events, at most once a minute for each URL and only for a bounded number of URLs. A tenant could otherwise
/// fill the log. The line has neither query nor credentials, which may be secret. Safe from any thread.
/// </summary>
internal sealed class WebhookRejections(TimeProvider time, ILogger<WebhookRejections> logger)
{
    /// <summary>The number of URLs that are logged in one minute.</summary>
    public const int MaxUrls = 100;

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new(); // guards the times; no code logs or calls out under it
    private readonly Dictionary<(ServiceSid Service, string Endpoint), long> _logged = [];

    /// <summary>Logs a rejection, unless one of the same URL was logged within the last minute.</summary>
    public void Log(ServiceSid service, string url, HttpStatusCode status)
    {
        if (!WebhookUrl.TryParse(url, out var parsed, out _))
            return;
        var now = time.GetTimestamp();
        lock (_gate)
        {
            var key = (service, parsed.Endpoint);
            if (_logged.TryGetValue(key, out var last) && time.GetElapsedTime(last, now) < Interval)
                return;
            if (_logged.Count >= MaxUrls)
            {
                foreach (var (old, at) in _logged.ToList())
                {
                    if (time.GetElapsedTime(at, now) >= Interval)
                        _logged.Remove(old);
                }
                if (_logged.Count >= MaxUrls)
                    return;
            }
            _logged[key] = now;
        }
        Telemetry.Log.WebhookRejected(logger, service, parsed.Endpoint, (int)status);
    }
}
