using Grpc.Core;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Security.Audit;

/// <summary>
/// Logs administrative acts: caller, act and object, one line each, in this class's category, on commit. It contains only SIDs, without
/// identities or secrets. <see cref="AuditLimiter"/> bounds the lines, and <see cref="SuppressedActs"/> counts and summarizes the acts
/// beyond them. Safe from any thread.
/// </summary>
internal sealed class AuditLog : IDisposable
{
    /// <summary>
    /// The lines about acts of end users of one service instance in a minute. They have a limit of their own, so that end users suppress no
    /// act of an administrator.
    /// </summary>
    public const int OfEndUsersPerTenant = 10;

    /// <summary>The lines about acts of end users in a minute.</summary>
    public const int OfEndUsers = 100;

    // Stands for all end users where acts are counted, so that they do not take the lines of many callers.
    private const string EndUsers = "end users";

    private readonly ILogger<AuditLog> _logger;
    private readonly AuditLimiter _limiter;
    private readonly LogRateLimiter<ServiceSid> _endUsers;
    private readonly SuppressedActs _suppressed;

    /// <summary>Creates a log without entries.</summary>
    public AuditLog(ApiKeyCache keys, PresenceMetrics metrics, TimeProvider time, ILogger<AuditLog> logger)
    {
        _logger = logger;
        _limiter = new AuditLimiter(keys, metrics, time);
        _endUsers = new LogRateLimiter<ServiceSid>("audit", OfEndUsersPerTenant, OfEndUsers, metrics, time);
        _suppressed = new SuppressedActs(time, logger);
    }

    /// <summary>Logs an act of the call on its commit. The caller is read immediately, because the call may be over by then.</summary>
    /// <typeparam name="TResult">The result of the act.</typeparam>
    /// <param name="context">The call.</param>
    /// <param name="subject">The SID of the object.</param>
    /// <param name="detail">Further facts to log.</param>
    public Action<TResult> Of<TResult>(ServerCallContext context, Func<TResult, object> subject, string detail = "") =>
        Create(ActOf(context, isCritical: false), subject, detail);

    /// <summary>Logs a critical act. A critical act changes access, or the destination of data.</summary>
    /// <inheritdoc cref="Of{TResult}"/>
    public Action<TResult> OfCritical<TResult>(ServerCallContext context, Func<TResult, object> subject, string detail = "") =>
        Create(ActOf(context, isCritical: true), subject, detail);

    /// <summary>Logs an act of an end user, unless <paramref name="detail"/> returns null on the commit.</summary>
    /// <inheritdoc cref="Of{TResult}"/>
    public Action<TResult> OfEndUser<TResult>(ServerCallContext context, Func<TResult, object> subject, Func<TResult, string?> detail)
    {
        var act = ActOf(context, isCritical: false);
        return result =>
        {
            if (detail(result) is { } facts)
                Write(act, _endUsers.TryAcquire(act.Service), EndUsers, subject(result), facts);
        };
    }

    /// <summary>Logs what is left of suppressed acts.</summary>
    public void Dispose() => _suppressed.Dispose();

    private Action<TResult> Create<TResult>(AuditedAct act, Func<TResult, object> subject, string detail) =>
        result => Write(act, _limiter.TryAcquire(act), act.Caller.Name, subject(result), detail);

    /// <summary>Logs an act, or counts it for the summary under the name given.</summary>
    private void Write(AuditedAct act, bool hasLine, string summarizedAs, object subject, string detail)
    {
        if (hasLine)
            Log.Audited(_logger, act.Name, act.Caller.Name, subject, detail);
        else
            _suppressed.Add(act.Service, act.Name, summarizedAs, subject, detail);
    }

    private static AuditedAct ActOf(ServerCallContext context, bool isCritical)
    {
        var scope = CallScope.Of(context.GetHttpContext());
        // The request of an act on an API key does not always name the service instance.
        var service = scope.Service ?? scope.Caller.Scope ?? default;
        return new AuditedAct(context.Method[(context.Method.LastIndexOf('/') + 1)..], scope.Caller, service, isCritical);
    }
}
