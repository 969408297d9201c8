using System.Collections.Concurrent;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Telemetry;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// The counters of all subjects. What a call uses is charged to the service instance and to the caller together, or to neither. Nobody but
/// the counter of refusals is told of it, and that not of whom. Safe from any thread; locks nothing on the way of a charge.
/// </summary>
public sealed partial class QuotaLimiter
{
    private readonly ConcurrentDictionary<QuotaKey, UsageCounters> _counters = new();
    private readonly QuotaPolicy _serviceInstance;
    private readonly QuotaPolicy _apiKey;
    private readonly QuotaPolicy _endUser;
    private readonly PresenceMetrics _metrics;
    private readonly TimeProvider _time;

    /// <summary>A limiter without counters.</summary>
    /// <param name="serviceInstance">How much each service instance may use, of all its callers.</param>
    /// <param name="apiKey">How much each API key may use.</param>
    /// <param name="accessToken">How much each end user may use, with however many access tokens.</param>
    /// <param name="metrics">Counts refusals.</param>
    /// <param name="time">The clock; its timestamps alone are read.</param>
    public QuotaLimiter(QuotaLimits serviceInstance, QuotaLimits apiKey, QuotaLimits accessToken, PresenceMetrics metrics, TimeProvider time)
    {
        _serviceInstance = new QuotaPolicy(QuotaSubject.ServiceInstance, serviceInstance, time.TimestampFrequency);
        _apiKey = new QuotaPolicy(QuotaSubject.Caller, apiKey, time.TimestampFrequency);
        _endUser = new QuotaPolicy(QuotaSubject.Caller, accessToken, time.TimestampFrequency);
        _metrics = metrics;
        _time = time;
    }

    /// <summary>How many counters there are.</summary>
    public int CounterCount => _counters.Count;

    /// <summary>The counters of a service instance.</summary>
    /// <param name="serviceId">The store's key, so that a service instance that takes a deleted one's SID begins anew.</param>
    public UsageCounters OfServiceInstance(long serviceId) => Find(QuotaKey.Of(serviceId));

    /// <summary>The counters of an API key.</summary>
    /// <param name="apiKeyId">The id of the key, not its secret.</param>
    public UsageCounters OfApiKey(string apiKeyId) => Find(QuotaKey.Of(apiKeyId));

    /// <summary>The counters of an end user. It goes by the identity: who was deleted and made anew is the same caller.</summary>
    public UsageCounters OfEndUser(ServiceSid service, Identity user) => Find(QuotaKey.Of(service, user));

    /// <summary>
    /// Drops the counters that are idle, and returns how many: an idle one equals a new one, and else each end user and each deleted
    /// service instance would leave one for ever. To be called every <see cref="Limits.MeterSweepInterval"/>.
    /// </summary>
    public int Sweep()
    {
        var now = _time.GetTimestamp();
        var dropped = 0;
        foreach (var entry in _counters)
        {
            var counters = entry.Value;
            if (!counters.IsIdle(now) || !counters.TryDrop())
                continue;
            // Looked at again: who took something in between may have found it live. Who comes from now on does not, and waits for the outcome.
            if (counters.IsIdle(_time.GetTimestamp()))
            {
                _counters.TryRemove(entry);
                dropped++;
            }
            else
            {
                counters.Keep();
            }
        }
        return dropped;
    }

    /// <summary>
    /// Returns when a refusal may be sent: at once for some a second, and after <see cref="Limits.RefusalHold"/> beyond that, so that a caller who
    /// ignores refusals costs little. To be awaited before a refusal is thrown, with the counters of the caller, or of the service instance
    /// where there is none.
    /// </summary>
    /// <exception cref="OperationCanceledException">The call is over.</exception>
    public ValueTask HoldRefusalAsync(UsageCounters counters, CancellationToken cancellationToken) =>
        // Counters that are dropped in the meantime forget one rejection, and nothing else.
        Present(counters).Rejections.HoldAsync(_time, cancellationToken);

    private UsageCounters Find(QuotaKey key) =>
        _counters.GetOrAdd(key, static (added, limiter) => new UsageCounters(added, limiter.PolicyOf(added.Kind)), this);

    private QuotaPolicy PolicyOf(QuotaKind kind) => kind switch
    {
        QuotaKind.ServiceInstance => _serviceInstance,
        QuotaKind.ApiKey => _apiKey,
        _ => _endUser,
    };

    /// <summary>The counters, or the one that has taken its place.</summary>
    private UsageCounters Present(UsageCounters counters)
    {
        var spin = default(SpinWait);
        while (!counters.IsLive)
        {
            // Either it is dropped, and another is found or made; or a sweep is looking at it, and in a moment it is dropped or live again.
            var found = Find(counters.Key);
            if (found == counters)
                spin.SpinOnce();
            counters = found;
        }
        return counters;
    }
}
