using System.Net;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Webhooks;

/// <summary>
/// Logs endpoints that reject events, at most once a minute for each URL. Logs edits that an endpoint did not decide, at most once a minute
/// for each reason, and users whose events were given up. Each service instance, and all together, have a limited number of entries a
/// minute, because tenants choose the endpoints. The entries have neither query nor credentials, which may be secret, and no identity. Safe
/// from any thread.
/// </summary>
internal sealed class WebhookLog(PresenceMetrics metrics, TimeProvider time, ILogger<WebhookLog> logger)
{
    /// <summary>The entries of one kind that one service instance may cause in a minute: a few show an operator the problem.</summary>
    public const int PerTenant = 5;

    /// <summary>The entries of one kind in a minute.</summary>
    public const int Total = 50;

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly LogRateLimiter<ServiceSid> _rejections = new("webhook_rejected", PerTenant, Total, metrics, time);
    private readonly LogRateLimiter<ServiceSid> _undecided = new("webhook_undecided", PerTenant, Total, metrics, time);
    private readonly LogRateLimiter<ServiceSid> _givenUp = new("webhook_given_up", PerTenant, Total, metrics, time);

    // Guards the times. The limiter's lock may be taken inside it. No code logs or calls out under it.
    private readonly Lock _gate = new();
    private readonly Dictionary<(ServiceSid Service, string Subject), long> _logged = [];

    /// <summary>Logs a rejection, unless one of the same URL was logged within the last minute.</summary>
    public void Rejected(ServiceSid service, string url, HttpStatusCode status)
    {
        if (WebhookUrl.TryParse(url, out var parsed, out _) && IsNew(_rejections, service, parsed.Endpoint))
            Log.WebhookRejected(logger, service, parsed.Endpoint, (int)status);
    }

    /// <summary>Logs that the endpoint did not decide about an edit, unless the same reason was logged within the last minute.</summary>
    /// <param name="service">The service instance.</param>
    /// <param name="reason">The reason, one of a few.</param>
    /// <param name="isRejected">Whether the edit is rejected; otherwise it proceeds.</param>
    public void Undecided(ServiceSid service, string reason, bool isRejected)
    {
        if (IsNew(_undecided, service, reason))
            Log.WebhookUndecided(logger, service, reason, isRejected ? "is rejected" : "proceeds");
    }

    /// <summary>Logs that the events of a user were given up.</summary>
    public void GivenUp(ServiceSid service, UserSid user)
    {
        if (_givenUp.TryAcquire(service))
            Log.WebhookGivenUp(logger, service, user);
    }

    private bool IsNew(LogRateLimiter<ServiceSid> limiter, ServiceSid service, string subject)
    {
        var now = time.GetTimestamp();
        lock (_gate)
        {
            if (_logged.TryGetValue((service, subject), out var last) && time.GetElapsedTime(last, now) < Interval)
                return false;
            if (!limiter.TryAcquire(service))
                return false;
            foreach (var (old, at) in _logged)
            {
                if (time.GetElapsedTime(at, now) >= Interval)
                    _logged.Remove(old);
            }
            _logged[(service, subject)] = now;
            return true;
        }
    }
}
