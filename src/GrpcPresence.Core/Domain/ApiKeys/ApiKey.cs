using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Domain.ApiKeys;

/// <summary>
/// An API key: identifies a back end. Immutable. A revoked key is kept, so that the server can distinguish it from a wrong credential.
/// </summary>
public sealed record ApiKey
{
    /// <summary>The store's key. Grows with each API key and is never reused.</summary>
    public long Id { get; init; }

    /// <summary>The SID.</summary>
    public required ApiKeySid Sid { get; init; }

    /// <summary>The display name.</summary>
    public required string FriendlyName { get; init; }

    /// <summary>The permissions of the key within its scope.</summary>
    public required ApiKeyRole Role { get; init; }

    /// <summary>The only service instance that the key may access; null for the whole deployment.</summary>
    public ServiceSid? Scope { get; init; }

    /// <summary>
    /// A subject alternative name (URI or DNS). A client certificate with it authenticates as this key, in addition to the secret. Empty:
    /// none.
    /// </summary>
    public string CertificateName { get; init; } = "";

    /// <summary>The secret.</summary>
    public required ApiKeySecret Secret { get; init; }

    /// <summary>The secret before the last rotation, or null.</summary>
    public ApiKeySecret? PreviousSecret { get; init; }

    /// <summary>The time until which the previous secret is also accepted.</summary>
    public DateTimeOffset PreviousSecretUntil { get; init; }

    /// <summary>When the key was created.</summary>
    public required DateTimeOffset CreateTime { get; init; }

    /// <summary>When the key got its present secret; null while it has its first one.</summary>
    public DateTimeOffset? RotateTime { get; init; }

    /// <summary>When the key was revoked; null while it is in force.</summary>
    public DateTimeOffset? RevokeTime { get; init; }

    /// <summary>Whether the key is revoked.</summary>
    public bool IsRevoked => RevokeTime is not null;

    /// <summary>Whether the key accepts the secret at the given time.</summary>
    public bool Accepts(ApiKeySecret secret, DateTimeOffset now) =>
        !IsRevoked && (secret == Secret || (secret == PreviousSecret && now < PreviousSecretUntil));
}
