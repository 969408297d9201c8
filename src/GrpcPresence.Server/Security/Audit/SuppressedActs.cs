using System.Globalization;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Security.Audit;

/// <summary>
/// The acts that had no line of their own in the audit log. At most a minute later, one line for each kind of act and caller has their
/// number and the last of them. So a caller cannot hide what it did last behind many other acts. One line for each service instance
/// has the number of the acts and callers beyond that, so that no act is missing in the sum. Safe from any thread.
/// </summary>
internal sealed class SuppressedActs(TimeProvider time, ILogger<AuditLog> logger) : IDisposable
{
    /// <summary>Kinds of acts and callers of one service instance with a line of their own: a few for each of several callers.</summary>
    public const int PerTenant = 20;

    /// <summary>Service instances with lines of their own.</summary>
    public const int Tenants = 100;

    /// <summary>Other callers that are counted exactly.</summary>
    public const int OtherCallers = 1000;

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    // Guards the acts and the timer. An innermost lock: no code logs or calls out under it.
    private readonly Lock _gate = new();
    private Dictionary<ServiceSid, TenantActs> _acts = [];
    private OtherActs _elsewhere = new();
    private ITimer? _timer; // null while no act is kept

    /// <summary>Adds an act.</summary>
    public void Add(ServiceSid service, string act, string caller, object subject, string detail)
    {
        lock (_gate)
        {
            if (!_acts.TryGetValue(service, out var own) && _acts.Count < Tenants)
                _acts.Add(service, own = new TenantActs());
            if (own is null)
                _elsewhere.Add(act, caller);
            else
                own.Add(act, caller, subject, detail);
            _timer ??= time.CreateTimer(static acts => ((SuppressedActs)acts!).Write(), this, Interval, Timeout.InfiniteTimeSpan);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Write();

    private void Write()
    {
        Dictionary<ServiceSid, TenantActs> acts;
        OtherActs elsewhere;
        lock (_gate)
        {
            (acts, _acts) = (_acts, []);
            (elsewhere, _elsewhere) = (_elsewhere, new OtherActs());
            _timer?.Dispose();
            _timer = null;
        }
        foreach (var (service, own) in acts)
        {
            foreach (var ((act, caller), last) in own.Named)
                Log.AuditedLast(logger, last.Count, act, caller, last.Subject, last.Detail);
            Write(own.Others, service == default ? "the deployment" : service);
        }
        Write(elsewhere, "other service instances");
    }

    private void Write(OtherActs others, object subject)
    {
        if (others.Count > 0)
            Log.AuditedOthers(logger, others.Count, others.Callers, subject, others.Detail);
    }

    private readonly record struct LastAct(long Count, object Subject, string Detail);

    /// <summary>The acts of one service instance.</summary>
    private sealed class TenantActs
    {
        public Dictionary<(string Act, string Caller), LastAct> Named { get; } = [];

        public OtherActs Others { get; } = new();

        public void Add(string act, string caller, object subject, string detail)
        {
            var count = Named.TryGetValue((act, caller), out var last) ? last.Count : 0;
            if (count == 0 && Named.Count == PerTenant)
                Others.Add(act, caller);
            else
                Named[(act, caller)] = new LastAct(count + 1, subject, detail);
        }
    }

    /// <summary>The number of acts of each kind, and of their callers.</summary>
    private sealed class OtherActs
    {
        private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal); // a few: one for each method
        private readonly HashSet<string> _callers = [];
        private bool _hasMoreCallers;

        public long Count => _counts.Values.Sum();

        public string Callers => _callers.Count.ToString(CultureInfo.InvariantCulture) + (_hasMoreCallers ? " or more" : "");

        public string Detail => string.Join(", ", _counts.Select(count => $"{count.Key} {count.Value}"));

        public void Add(string act, string caller)
        {
            _counts[act] = _counts.GetValueOrDefault(act) + 1;
            if (_callers.Count < OtherCallers)
                _callers.Add(caller);
            else
                _hasMoreCallers |= !_callers.Contains(caller);
        }
    }
}
