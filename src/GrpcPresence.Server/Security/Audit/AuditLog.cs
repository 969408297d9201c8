using Grpc.Core;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Security.Audit;

/// <summary>
/// The record of administrative acts: who did what to what, one line of the log each, in this class's category, when it is committed. SIDs alone: neither
/// identities nor secrets.
/// </summary>
internal sealed class AuditLog(ILogger<AuditLog> logger)
{
    /// <summary>Records an act of the call when it is committed. The caller is read now: the call may be over by then.</summary>
    /// <typeparam name="TResult">What the act yields.</typeparam>
    /// <param name="context">The call.</param>
    /// <param name="subject">The SID of what it was done to.</param>
    /// <param name="detail">What is to be known of it beside that.</param>
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
