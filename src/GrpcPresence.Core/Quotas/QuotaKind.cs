namespace GrpcPresence.Core.Quotas;

/// <summary>The kind of subject that usage counters belong to.</summary>
public enum QuotaKind
{
    /// <summary>A service instance.</summary>
    ServiceInstance,

    /// <summary>An API key.</summary>
    ApiKey,

    /// <summary>An end user, with an access token.</summary>
    EndUser,
}
