using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Server.Security.Quotas;

namespace GrpcPresence.Server.Security.Authorization;

/// <summary>One row of <see cref="AuthorizationTable"/>: who may call a method.</summary>
/// <param name="Method">The method, as gRPC names it in its path.</param>
internal abstract record AccessRule(string Method)
{
    /// <summary>The least role that may; None lets in who presents no credentials at all.</summary>
    public ApiKeyRole Least { get; init; }

    /// <summary>What an end user may.</summary>
    public EndUserRights EndUsers { get; init; }

    /// <summary>What a call takes of the quotas.</summary>
    public CallCost Cost { get; init; }

    /// <summary>Whether who presents no credentials may not, where everybody else of that role may.</summary>
    public bool RequiresCredentials { get; init; }

    /// <summary>Whether anybody may, without credentials.</summary>
    public bool IsPublic => Least == ApiKeyRole.None;
}
