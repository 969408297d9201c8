using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Server.Security;
using GrpcPresence.Server.Security.Authentication;

namespace GrpcPresence.Server.Streams.Requests;

/// <summary>
/// Counts the open calls of each caller over HTTP/2, from their headers until their streams end. Each holds its headers, up to 16 KiB,
/// before any other quota is charged. Over HTTP/1.1 the limit of connections bounds them. Safe from any thread.
/// </summary>
internal sealed class OpenCalls(QuotaLimiter limiter, OpenRequests open)
{
    /// <summary>Counts the call.</summary>
    /// <exception cref="PresenceException">QuotaExceeded: the caller must first end other calls.</exception>
    public void Hold(HttpContext http, Caller caller)
    {
        if (caller.CountersIn(limiter) is not { } counters || ConnectionFeature<ConnectionRequests>.Of(http) is null)
            return;
        if (!limiter.TryOpenCall(counters, out var lease, out var error))
            throw error;
        open.TryHold(http, lease);
    }
}
