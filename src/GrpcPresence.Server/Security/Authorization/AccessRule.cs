using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Server.Security.Quotas;

namespace GrpcPresence.Server.Security.Authorization;

/// <summary>One row of <see cref="AuthorizationTable"/>: which callers may call a method.</summary>
/// <param name="Method">The method's path in gRPC.</param>
internal abstract record AccessRule(string Method)
{
    /// <summary>The lowest role that may call the method. None also permits callers without credentials.</summary>
    public ApiKeyRole MinimumRole { get; init; }

    /// <summary>What an end user may do.</summary>
    public EndUserRights EndUsers { get; init; }

    /// <summary>What a call charges to the quotas.</summary>
    public CallCost Cost { get; init; }

    /// <summary>Whether callers without credentials are rejected even while the server requires no credentials.</summary>
    public bool RequiresCredentials { get; init; }

    /// <summary>
    /// The maximum size of a message in bytes, as sent and after decompression. The server checks it before it buffers the message.
    /// </summary>
    public int MaxMessageBytes
    {
        get => field > 0 ? field : IsPublic ? Limits.PublicMessageBytes : Limits.UnaryMessageBytes;
        init;
    }

    /// <summary>Whether every caller may call the method, even without credentials.</summary>
    public bool IsPublic => MinimumRole == ApiKeyRole.None;
}
