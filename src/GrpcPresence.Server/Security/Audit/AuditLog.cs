using Grpc.Core;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Security.Audit;

/// <summary>
/// Logs administrative acts: caller, act and object, one line each, in this class's category, on commit. It contains only SIDs, without
/// identities or secrets. Acts on API keys, and the creation and deletion of service instances, always have a line; the quota of writes
/// bounds them. Frequent acts have a limited number of lines a minute in each service instance. <see cref="SuppressedActs"/> keeps the last
/// act of each kind beyond that. Safe from any thread.
/// </summary>
internal sealed class AuditLog : IDisposable
{
    /// <summary>The lines of frequent acts of one service instance in a minute: more than an administrator makes by hand.</summary>
    public const int PerTenant = 60;

    /// <summary>The lines of frequent acts in a minute.</summary>
    public const int Total = 600;

    private readonly ILogger<AuditLog> _logger;
    private readonly LogRateLimiter<ServiceSid> _frequent;
    private readonly SuppressedActs _suppressed;

    /// <summary>Creates a log without entries.</summary>
    public AuditLog(PresenceMetrics metrics, TimeProvider time, ILogger<AuditLog> logger)
    {
        _logger = logger;
        _frequent = new LogRateLimiter<ServiceSid>("audit", PerTenant, Total, metrics, time);
        _suppressed = new SuppressedActs(time, logger);
    }

    /// <summary>Logs an act of the call on its commit. The caller is read immediately, because the call may be over by then.</summary>
    /// <typeparam name="TResult">The result of the act.</typeparam>
    /// <param name="context">The call.</param>
    /// <param name="subject">The SID of the object.</param>
    /// <param name="detail">Further facts to log.</param>
    public Action<TResult> Of<TResult>(ServerCallContext context, Func<TResult, object> subject, string detail = "")
    {
        var (act, caller) = (ActOf(context), CallScope.Of(context.GetHttpContext()).Caller.Name);
        return result =>
        {
            var sid = subject(result);
            Log.Audited(_logger, act, caller, sid, detail);
        };
    }

    /// <summary>Logs an act like <see cref="Of"/>, but only a limited number a minute in the service instance of the call.</summary>
    /// <inheritdoc cref="Of"/>
    public Action<TResult> OfFrequent<TResult>(ServerCallContext context, Func<TResult, object> subject, string detail = "")
    {
        var scope = CallScope.Of(context.GetHttpContext());
        var (act, caller, service) = (ActOf(context), scope.Caller.Name, scope.Service.GetValueOrDefault());
        return result =>
        {
            var sid = subject(result);
            if (_frequent.TryAcquire(service))
                Log.Audited(_logger, act, caller, sid, detail);
            else
                _suppressed.Add(service, act, caller, sid, detail);
        };
    }

    /// <summary>Logs what is left of suppressed acts.</summary>
    public void Dispose() => _suppressed.Dispose();

    private static string ActOf(ServerCallContext context) => context.Method[(context.Method.LastIndexOf('/') + 1)..];
}
