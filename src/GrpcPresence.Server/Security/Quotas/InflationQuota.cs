using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authentication;

namespace GrpcPresence.Server.Security.Quotas;

/// <summary>
/// Charges what compressed messages inflate to. Their other charges depend on what they ask for, but a message can also consist of unknown
/// fields, or be rejected when it is decoded. The charge goes to the caller and, if the caller is limited to one, to the service instance.
/// Safe from any thread.
/// </summary>
internal sealed class InflationQuota(QuotaLimiter limiter, ServiceCache services)
{
    private const int Kib = 1024;

    /// <summary>Returns the error with which the message must be rejected before it is inflated; null for none.</summary>
    public PresenceException? FindRejection(Caller caller)
    {
        var (first, second) = CountersOf(caller);
        return first is null || limiter.TryBeginInflating(first, second, out var error) ? null : error;
    }

    /// <summary>Charges the message.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="bytes">The bytes to which it was inflated.</param>
    public void Spend(Caller caller, long bytes)
    {
        var (first, second) = CountersOf(caller);
        if (first is not null)
            limiter.SpendInflated(first, second, (int)(bytes / Kib) - 1); // the first was charged before
    }

    private (UsageCounters? First, UsageCounters? Second) CountersOf(Caller caller)
    {
        var ofCaller = caller.CountersIn(limiter);
        return caller.Scope is { } scope && services.FindCached(scope) is { } tenant
            ? (limiter.OfServiceInstance(tenant.Id), ofCaller)
            : (ofCaller, null);
    }
}
