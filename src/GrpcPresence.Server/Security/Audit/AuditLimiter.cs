using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authentication;

namespace GrpcPresence.Server.Security.Audit;

/// <summary>
/// Limits the lines of the audit log in a minute, so that a caller with many acts suppresses its own lines and not those of others. A
/// caller has at most as many lines in a service instance as are still free there. So one caller has at most half of them, the next one a
/// quarter. In addition, the first critical act of each kind and caller has a line, whatever others do. The number of API keys bounds those
/// lines. A metric counts the acts without a line. Safe from any thread.
/// </summary>
internal sealed class AuditLimiter(ApiKeyCache keys, PresenceMetrics metrics, TimeProvider time)
{
    /// <summary>The lines of one service instance: for one caller alone, half of it is more than an administrator makes by hand.</summary>
    public const int PerTenant = 120;

    /// <summary>The lines of one caller in one service instance.</summary>
    public const int PerCaller = PerTenant / 2;

    /// <summary>The lines of all service instances. Half of them are reserved for the first line of each.</summary>
    public const int Total = 1200;

    /// <summary>The time to which the limits apply.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    // Guards the fields below. An innermost lock: no code logs or calls out under it.
    private readonly Lock _gate = new();
    private readonly Dictionary<ServiceSid, int> _ofTenants = []; // of the present window, as the next ones
    private readonly Dictionary<(ServiceSid Service, string Caller), int> _ofCallers = [];
    private readonly HashSet<(ServiceSid? Scope, string? Caller, string Act)> _first = [];
    private long _windowStart = time.GetTimestamp();
    private int _count;

    /// <summary>Whether the act has a line of its own.</summary>
    public bool TryAcquire(AuditedAct act)
    {
        // A caller may create, use and revoke any number of API keys. Those of the last minute count as one caller.
        var caller = IsNew(act.Caller) ? null : act.Caller.Name;
        lock (_gate)
        {
            BeginWindow();
            if ((act.IsCritical && _first.Add((act.Caller.Scope, caller, act.Name))) || TryCount(act.Service, act.Caller.Name))
                return true;
        }
        metrics.LogEntrySuppressed("audit");
        return false;
    }

    private void BeginWindow()
    {
        var now = time.GetTimestamp();
        if (time.GetElapsedTime(_windowStart, now) < Window)
            return;
        (_windowStart, _count) = (now, 0);
        _ofTenants.Clear();
        _ofCallers.Clear();
        _first.Clear();
    }

    private bool TryCount(ServiceSid service, string caller)
    {
        var ofTenant = _ofTenants.GetValueOrDefault(service);
        var ofCaller = _ofCallers.GetValueOrDefault((service, caller));
        if (ofCaller >= PerTenant - ofTenant || _count >= (ofTenant == 0 ? Total : Total / 2))
            return false;
        _ofTenants[service] = ofTenant + 1;
        _ofCallers[(service, caller)] = ofCaller + 1;
        _count++;
        return true;
    }

    private bool IsNew(Caller caller) => caller.ApiKey is { } sid
        && (keys.Find(sid) is not { } key || time.GetUtcNow() - key.Current.CreateTime < Window);
}
