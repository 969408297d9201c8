using Grpc.Core;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Security.Audit;

/// <summary>
/// Logs administrative acts: caller, act and object, one line each, in this class's category, on commit. It contains only SIDs, without
/// identities or secrets.
/// </summary>
internal sealed class AuditLog(ILogger<AuditLog> logger)
{
    /// <summary>Logs an act of the call on its commit. The caller is read immediately, because the call may be over by then.</summary>
    /// <typeparam name="TResult">The result of the act.</typeparam>
    /// <param name="context">The call.</param>
    /// <param name="subject">The SID of the object.</param>
    /// <param name="detail">Further facts to log.</param>
    public Action<TResult> Of<TResult>(ServerCallContext context, Func<TResult, object> subject, string detail = "")
    {
        var (act, caller) = (context.Method[(context.Method.LastIndexOf('/') + 1)..], CallScope.Of(context.GetHttpContext()).Caller.Name);
        return result =>
        {
            var sid = subject(result);
            Log.Audited(logger, act, caller, sid, detail);
        };
    }
}
