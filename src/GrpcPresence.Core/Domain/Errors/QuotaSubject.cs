namespace GrpcPresence.Core.Domain.Errors;

/// <summary>Whose quota it is.</summary>
public enum QuotaSubject
{
    /// <summary>The service instance's: what all its callers use together.</summary>
    ServiceInstance,

    /// <summary>The caller's own: that of an API key, or of an end user.</summary>
    Caller,
}
