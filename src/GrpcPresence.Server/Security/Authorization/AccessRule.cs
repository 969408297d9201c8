using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Server.Security.Quotas;

namespace GrpcPresence.Server.Security.Authorization;

/// <summary>One row of <see cref="AuthorizationTable"/>: who may call a method.</summary>
/// <param name="Method">The method, as gRPC names it in its path.</param>
internal abstract record AccessRule(string Method)
{
    /// <summary>The lowest role that may call it; None also serves callers without credentials.</summary>
    public ApiKeyRole MinimumRole { get; init; }

    /// <summary>What an end user may.</summary>
    public EndUserRights EndUsers { get; init; }

    /// <summary>What a call takes of the quotas.</summary>
    public CallCost Cost { get; init; }

    /// <summary>Whether a caller without credentials may not call it even while the server requires none.</summary>
    public bool RequiresCredentials { get; init; }

    /// <summary>Whether everybody may call it, without credentials.</summary>
    public bool IsPublic => MinimumRole == ApiKeyRole.None;
}
