using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Server.Security.Authentication;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace GrpcPresence.Server.Streams.Requests;

/// <summary>
/// Counts the open calls of each caller over HTTP/2, from their headers until their streams end. Each holds its headers, up to 16 KiB,
/// before any other quota is charged. Over HTTP/1.1 the limit of connections bounds them. Safe from any thread.
/// </summary>
internal sealed class OpenCalls(QuotaLimiter limiter, TimeProvider time)
{
    /// <summary>Counts the call.</summary>
    /// <exception cref="PresenceException">QuotaExceeded: the caller must first end other calls.</exception>
    public void Hold(HttpContext http, Caller caller)
    {
        if (caller.CountersIn(limiter) is not { } counters
            || http.Features.Get<ConnectionRequests>() is not { } connection
            || http.Features.Get<IHttp2StreamIdFeature>() is not { } stream)
        {
            return;
        }
        if (!limiter.TryOpenCall(counters, out var lease, out var error))
            throw error;
        // Bounding its time has added a unary request before.
        if (connection.TryHold(stream.StreamId, lease, isCall: true))
            return;
        if (!connection.TryAdd(new OpenRequest(http, time.GetTimestamp())) || !connection.TryHold(stream.StreamId, lease, isCall: true))
            lease.Dispose();
    }
}
