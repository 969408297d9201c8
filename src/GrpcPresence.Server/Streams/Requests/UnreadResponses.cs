using Google.Protobuf;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security;

namespace GrpcPresence.Server.Streams.Requests;

/// <summary>
/// Counts the responses of reads against the quotas of their service instance and caller until their client has read them. Kestrel buffers
/// a message as a whole. So a client that opens thousands of streams on one connection and reads none could otherwise hold gigabytes. Safe
/// from any thread.
/// </summary>
internal sealed class UnreadResponses(QuotaLimiter limiter, ServiceCache services, OpenRequests open)
{
    /// <summary>The size up to which a response is not counted. An open stream costs as much.</summary>
    public const int FreeBytes = 4 * 1024;

    /// <summary>Counts the response.</summary>
    /// <exception cref="PresenceException">QuotaExceeded: the client must first read other responses.</exception>
    public void Hold(IMessage response, HttpContext http)
    {
        var bytes = response.CalculateSize();
        if (bytes <= FreeBytes)
            return;
        var scope = CallScope.Of(http);
        var ofService = scope.FindTenant(services) is { } tenant ? limiter.OfServiceInstance(tenant.Id) : null;
        if (!limiter.TryHoldResponse(bytes, ofService, scope.Caller.CountersIn(limiter), out var lease, out var error))
            throw error;
        open.TryHold(http, lease);
    }
}
