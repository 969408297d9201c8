using System.Collections.Concurrent;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Telemetry;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// The meters of all subjects. What a call uses is charged to the service instance and to the caller together, or to neither. Nobody but the counter
/// of refusals is told of it, and that not of whom. Safe from any thread; locks nothing on the way of a charge.
/// </summary>
public sealed partial class QuotaLimiter
{
    private readonly ConcurrentDictionary<QuotaKey, UsageCounters> _meters = new();
    private readonly QuotaPolicy _serviceInstance;
    private readonly QuotaPolicy _apiKey;
    private readonly QuotaPolicy _endUser;
    private readonly PresenceMetrics _metrics;
    private readonly TimeProvider _time;

    /// <summary>A book without meters.</summary>
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

    /// <summary>How many meters there are.</summary>
    public int MeterCount => _meters.Count;

    /// <summary>The meter of a service instance.</summary>
    /// <param name="serviceId">The store's key, so that a service instance that takes a deleted one's SID begins anew.</param>
    public UsageCounters OfServiceInstance(long serviceId) => Find(QuotaKey.Of(serviceId));

    /// <summary>The meter of an API key.</summary>
    /// <param name="apiKeyId">The id of the key, not its secret.</param>
    public UsageCounters OfApiKey(string apiKeyId) => Find(QuotaKey.Of(apiKeyId));

    /// <summary>The meter of an end user. It goes by the identity: who was deleted and made anew is the same caller.</summary>
    public UsageCounters OfEndUser(ServiceSid service, Identity user) => Find(QuotaKey.Of(service, user));

    /// <summary>
    /// Drops the meters that are idle, and returns how many: an idle one equals a new one, and else each end user and each deleted service instance would
    /// leave one for ever. To be called every <see cref="Limits.MeterSweepInterval"/>.
    /// </summary>
    public int Sweep()
    {
        var now = _time.GetTimestamp();
        var dropped = 0;
        foreach (var entry in _meters)
        {
            var meter = entry.Value;
            if (!meter.IsIdle(now) || !meter.TryDrop())
                continue;
            // Looked at again: who took something in between may have found it live. Who comes from now on does not, and waits for the outcome.
            if (meter.IsIdle(_time.GetTimestamp()))
            {
                _meters.TryRemove(entry);
                dropped++;
            }
            else
            {
                meter.Keep();
            }
        }
        return dropped;
    }

    /// <summary>
    /// Returns when a refusal may be sent: at once for some a second, and after <see cref="Limits.RefusalHold"/> beyond that, so that a caller who
    /// ignores refusals costs little. To be awaited before a refusal is thrown, with the meter of the caller, or of the service instance where there is
    /// none.
    /// </summary>
    /// <exception cref="OperationCanceledException">The call is over.</exception>
    public ValueTask HoldRefusalAsync(UsageCounters meter, CancellationToken cancellationToken) =>
        Present(meter).Rejections.HoldAsync(_time, cancellationToken); // a meter that is dropped meanwhile forgets one refusal, and nothing else

    private UsageCounters Find(QuotaKey key) => _meters.GetOrAdd(key, static (added, book) => new UsageCounters(added, book.PlanOf(added.Kind)), this);

    private QuotaPolicy PlanOf(QuotaKind kind) => kind switch
    {
        QuotaKind.ServiceInstance => _serviceInstance,
        QuotaKind.ApiKey => _apiKey,
        _ => _endUser,
    };

    /// <summary>The meter, or the one that has taken its place.</summary>
    private UsageCounters Present(UsageCounters meter)
    {
        var spin = default(SpinWait);
        while (!meter.IsLive)
        {
            // Either it is dropped, and another is found or made; or a sweep is looking at it, and in a moment it is dropped or live again.
            var found = Find(meter.Key);
            if (found == meter)
                spin.SpinOnce();
            meter = found;
        }
        return meter;
    }
}
