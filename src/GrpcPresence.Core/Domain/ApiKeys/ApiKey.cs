using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Domain.ApiKeys;

/// <summary>An API key: who a back end is. Immutable. A revoked one is kept, so that its end can be told from a wrong credential.</summary>
public sealed record ApiKey
{
    /// <summary>The store's key: grows with each API key and is never used again.</summary>
    public long Id { get; init; }

    /// <summary>The SID.</summary>
    public required ApiKeySid Sid { get; init; }

    /// <summary>A name for people.</summary>
    public required string FriendlyName { get; init; }

    /// <summary>What it may do within its scope.</summary>
    public required ApiKeyRole Role { get; init; }

    /// <summary>The one service instance that it is for; null for the whole deployment.</summary>
    public ServiceSid? Scope { get; init; }

    /// <summary>A subject alternative name (URI or DNS) of client certificates that stand for it beside the secret; empty for none.</summary>
    public string CertificateName { get; init; } = "";

    /// <summary>The secret.</summary>
    public required ApiKeySecret Secret { get; init; }

    /// <summary>The secret before the last rotation; null when there is none.</summary>
    public ApiKeySecret? PreviousSecret { get; init; }

    /// <summary>Until when the previous secret counts beside the present one.</summary>
    public DateTimeOffset PreviousSecretUntil { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreateTime { get; init; }

    /// <summary>When it got its present secret; null when that is its first.</summary>
    public DateTimeOffset? RotateTime { get; init; }

    /// <summary>When it was revoked; null while it is in force.</summary>
    public DateTimeOffset? RevokeTime { get; init; }

    /// <summary>Whether it was revoked.</summary>
    public bool IsRevoked => RevokeTime is not null;

    /// <summary>Whether the secret is in force at the moment.</summary>
    public bool Accepts(ApiKeySecret secret, DateTimeOffset now) =>
        !IsRevoked && (secret == Secret || (secret == PreviousSecret && now < PreviousSecretUntil));
}
