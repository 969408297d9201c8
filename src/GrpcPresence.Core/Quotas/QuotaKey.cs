using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Quotas;

/// <summary>The key of a subject's usage counters.</summary>
/// <param name="Kind">The kind of subject.</param>
/// <param name="Number">The store's key of the service instance, or the SID of the end user's.</param>
/// <param name="Text">The id of the API key, or the identity of the end user.</param>
internal readonly record struct QuotaKey(QuotaKind Kind, UInt128 Number, string Text)
{
    /// <summary>Returns the key of a service instance.</summary>
    public static QuotaKey Of(long serviceId) => new(QuotaKind.ServiceInstance, (UInt128)serviceId, "");

    /// <summary>Returns the key of an API key.</summary>
    public static QuotaKey Of(string apiKeyId) => new(QuotaKind.ApiKey, 0, apiKeyId);

    /// <summary>Returns the key of an end user.</summary>
    public static QuotaKey Of(ServiceSid service, Identity user) => new(QuotaKind.EndUser, service.Value, user.ToString());
}
