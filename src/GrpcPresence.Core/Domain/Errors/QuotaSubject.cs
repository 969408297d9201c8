namespace GrpcPresence.Core.Domain.Errors;

/// <summary>The subject of a quota.</summary>
public enum QuotaSubject
{
    /// <summary>The service instance: all its callers together.</summary>
    ServiceInstance,

    /// <summary>The caller: an API key or an end user.</summary>
    Caller,

    /// <summary>The connection, for requests without verified credentials.</summary>
    Connection,
}
