using GrpcPresence.Core.Telemetry;

namespace GrpcPresence.Server.Telemetry;

/// <summary>
/// Limits the log entries of one kind that tenants can cause: a number a minute for each tenant and for all together. Half of the total is
/// reserved for the first entry of each tenant, so tenants with many entries do not suppress those of the others. A metric counts
/// suppressed entries. Safe from any thread.
/// </summary>
/// <typeparam name="TTenant">Identifies a tenant.</typeparam>
/// <param name="kind">The kind of entries, as the metric names it.</param>
/// <param name="perTenant">The entries of one tenant in a minute.</param>
/// <param name="total">The entries of all tenants in a minute.</param>
/// <param name="metrics">Counts suppressed entries.</param>
/// <param name="time">The clock.</param>
internal sealed class LogRateLimiter<TTenant>(string kind, int perTenant, int total, PresenceMetrics metrics, TimeProvider time)
    where TTenant : notnull
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    // Guards the fields below. An innermost lock: no code logs or calls out under it.
    private readonly Lock _gate = new();
    private readonly Dictionary<TTenant, int> _entries = []; // of the present window; at most as many tenants as entries in all
    private long _windowStart = time.GetTimestamp();
    private int _count;

    /// <summary>Whether an entry of the tenant may be logged now. An entry that may not is counted as suppressed.</summary>
    public bool TryAcquire(TTenant tenant)
    {
        if (TryCount(tenant))
            return true;
        metrics.LogEntrySuppressed(kind);
        return false;
    }

    private bool TryCount(TTenant tenant)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            if (time.GetElapsedTime(_windowStart, now) >= Window)
            {
                (_windowStart, _count) = (now, 0);
                _entries.Clear();
            }
            var own = _entries.GetValueOrDefault(tenant);
            if (own >= perTenant || _count >= (own == 0 ? total : total / 2))
                return false;
            _entries[tenant] = own + 1;
            _count++;
            return true;
        }
    }
}
