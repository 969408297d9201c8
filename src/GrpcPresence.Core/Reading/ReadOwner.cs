using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Quotas;

namespace GrpcPresence.Core.Reading;

/// <summary>For whom the store is read.</summary>
/// <param name="Tenant">The service instance; the default for what concerns no single one.</param>
/// <param name="Service">Its usage; null to charge it nothing.</param>
/// <param name="Caller">The usage of the caller; null for the server itself, and for callers without quotas of their own.</param>
public sealed record ReadOwner(ServiceSid Tenant, UsageCounters? Service, UsageCounters? Caller)
{
    /// <summary>The server itself.</summary>
    public static readonly ReadOwner Server = new(default, Service: null, Caller: null);

    /// <summary>The key of the caller among the callers of the tenant. All callers without quotas of their own share one.</summary>
    internal QuotaKey CallerKey => Caller?.Key ?? default;
}
