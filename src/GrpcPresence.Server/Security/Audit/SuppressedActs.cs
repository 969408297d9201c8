using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Security.Audit;

/// <summary>
/// The acts that had no line of their own in the audit log. At most a minute later, one line for each kind of act and caller has their
/// number and the last of them. So a caller cannot hide what it did last behind many other acts. Safe from any thread.
/// </summary>
internal sealed class SuppressedActs(TimeProvider time, ILogger<AuditLog> logger) : IDisposable
{
    /// <summary>
    /// Kinds of acts of one service instance: a few for each of several callers. Further ones are only counted, by the metric of suppressed
    /// entries.
    /// </summary>
    public const int PerTenant = 20;

    /// <summary>Service instances with suppressed acts.</summary>
    public const int Tenants = 100;

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    // Guards the acts and the timer. An innermost lock: no code logs or calls out under it.
    private readonly Lock _gate = new();
    private Dictionary<ServiceSid, Dictionary<(string Act, string Caller), LastAct>> _acts = [];
    private ITimer? _timer; // null while no act is kept

    /// <summary>Adds an act.</summary>
    public void Add(ServiceSid service, string act, string caller, object subject, string detail)
    {
        lock (_gate)
        {
            if (!_acts.TryGetValue(service, out var own))
            {
                if (_acts.Count == Tenants)
                    return;
                _acts.Add(service, own = []);
            }
            var count = own.TryGetValue((act, caller), out var last) ? last.Count : 0;
            if (count == 0 && own.Count == PerTenant)
                return;
            own[(act, caller)] = new LastAct(count + 1, subject, detail);
            _timer ??= time.CreateTimer(static acts => ((SuppressedActs)acts!).Write(), this, Interval, Timeout.InfiniteTimeSpan);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Write();

    private void Write()
    {
        Dictionary<ServiceSid, Dictionary<(string Act, string Caller), LastAct>> acts;
        lock (_gate)
        {
            (acts, _acts) = (_acts, []);
            _timer?.Dispose();
            _timer = null;
        }
        foreach (var ((act, caller), last) in acts.Values.SelectMany(own => own))
            Log.AuditedLast(logger, last.Count, act, caller, last.Subject, last.Detail);
    }

    private readonly record struct LastAct(int Count, object Subject, string Detail);
}
