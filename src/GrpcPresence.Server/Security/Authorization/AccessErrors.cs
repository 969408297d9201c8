using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Security.Authorization;

/// <summary>
/// Creates the errors of callers without access. The messages do not help to guess credentials: an unknown key and a wrong secret get the
/// same error.
/// </summary>
internal static class AccessErrors
{
    /// <summary>The call has no credentials, and the server requires them.</summary>
    public static PresenceException CredentialsRequired() =>
        new(ErrorReason.CredentialsRequired, "Credentials required. Present an API key or an access token.");

    /// <summary>The credentials are invalid.</summary>
    public static PresenceException CredentialsInvalid() => new(ErrorReason.CredentialsInvalid, "Invalid credentials.");

    /// <summary>The access token has expired, possibly during the call.</summary>
    public static PresenceException AccessTokenExpired() =>
        new(ErrorReason.AccessTokenExpired, "The access token has expired. Present a new one.");

    /// <summary>The host of the request may be the name of a web page. Does not repeat it.</summary>
    public static PresenceException HostNotAllowed() => new(
        ErrorReason.HostNotAllowed,
        "While callers need no credentials, the server must be called by a loopback name such as localhost, or by one of the setting "
            + "AllowedHosts.");

    /// <summary>The caller may not make the request.</summary>
    public static PresenceException PermissionDenied() =>
        new(ErrorReason.PermissionDenied, "Permission denied. The caller may not make this request.");
}
