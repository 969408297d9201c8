namespace GrpcPresence.Core.Quotas;

/// <summary>Whom a meter is of.</summary>
internal enum QuotaKind
{
    /// <summary>A service instance.</summary>
    ServiceInstance,

    /// <summary>An API key.</summary>
    ApiKey,

    /// <summary>An end user, with an access token.</summary>
    EndUser,
}
