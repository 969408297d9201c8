using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Security.Authorization;

/// <summary>
/// Why a caller is not let in. What they say helps nobody to guess: a key that does not exist and a wrong secret are the same.
/// </summary>
internal static class AccessErrors
{
    /// <summary>There are no credentials, and some are asked for.</summary>
    public static PresenceException CredentialsRequired() =>
        new(ErrorReason.CredentialsRequired, "This server asks for credentials: an API key, or an access token.");

    /// <summary>The credentials are nobody's.</summary>
    public static PresenceException CredentialsInvalid() => new(ErrorReason.CredentialsInvalid, "Nobody has these credentials.");

    /// <summary>The access token was good until now, or before.</summary>
    public static PresenceException AccessTokenExpired() => new(ErrorReason.AccessTokenExpired, "The access token has expired.");

    /// <summary>The caller may not do that.</summary>
    public static PresenceException PermissionDenied() => new(ErrorReason.PermissionDenied, "The caller may not do this.");
}
