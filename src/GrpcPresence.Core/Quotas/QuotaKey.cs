using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Quotas;

/// <summary>The subject of usage counters.</summary>
/// <param name="Kind">Whom it is of.</param>
/// <param name="Number">The store's key of the service instance, or the SID of the end user's.</param>
/// <param name="Text">The id of the API key, or the identity of the end user.</param>
internal readonly record struct QuotaKey(QuotaKind Kind, UInt128 Number, string Text)
{
    /// <summary>The key of a service instance's counters.</summary>
    public static QuotaKey Of(long serviceId) => new(QuotaKind.ServiceInstance, (UInt128)serviceId, "");

    /// <summary>The key of an API key's counters.</summary>
    public static QuotaKey Of(string apiKeyId) => new(QuotaKind.ApiKey, 0, apiKeyId);

    /// <summary>The key of an end user's counters.</summary>
    public static QuotaKey Of(ServiceSid service, Identity user) => new(QuotaKind.EndUser, service.Value, user.ToString());
}
