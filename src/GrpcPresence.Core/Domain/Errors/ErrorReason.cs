namespace GrpcPresence.Core.Domain.Errors;

/// <summary>Why a call was refused. The numbers and names are those of <c>presence.v1.ErrorReason</c>, where each is documented.</summary>
public enum ErrorReason
{
    /// <summary>Never used.</summary>
    Unspecified = 0,

    /// <summary>A field that must be set is not.</summary>
    FieldRequired = 1,

    /// <summary>A field does not have its documented form.</summary>
    FieldInvalid = 2,

    /// <summary>A text or list is longer than its bound.</summary>
    FieldTooLong = 3,

    /// <summary>A number or duration is outside its bounds.</summary>
    FieldOutOfRange = 4,

    /// <summary>An identity has the form of a user SID.</summary>
    IdentityReserved = 5,

    /// <summary>Attributes are not a JSON object.</summary>
    AttributesInvalid = 6,

    /// <summary>The update mask is absent or empty.</summary>
    UpdateMaskRequired = 7,

    /// <summary>The update mask names a field that does not exist.</summary>
    UpdateMaskUnknownPath = 8,

    /// <summary>The update mask names a field that no client can write.</summary>
    UpdateMaskReadOnlyPath = 9,

    /// <summary>A page token cannot be decoded or is of another list.</summary>
    PageTokenInvalid = 10,

    /// <summary>A resume token cannot be decoded or is of another service instance.</summary>
    ResumeTokenInvalid = 11,

    /// <summary>A heartbeat stream did not follow its protocol.</summary>
    StreamProtocolViolated = 12,

    /// <summary>No such service instance.</summary>
    ServiceInstanceNotFound = 20,

    /// <summary>No such user.</summary>
    UserNotFound = 21,

    /// <summary>No such push binding.</summary>
    PushBindingNotFound = 22,

    /// <summary>No such API key.</summary>
    ApiKeyNotFound = 23,

    /// <summary>The SID of the service instance is taken.</summary>
    ServiceInstanceAlreadyExists = 30,

    /// <summary>The identity is taken.</summary>
    UserAlreadyExists = 31,

    /// <summary>Another API key has the certificate name.</summary>
    CertificateNameTaken = 32,

    /// <summary>The etag is not the current one.</summary>
    EtagMismatch = 40,

    /// <summary>The session was ended.</summary>
    SessionEnded = 50,

    /// <summary>The webhook that was asked before the edit refused it.</summary>
    WebhookRefused = 51,

    /// <summary>The user has as many push bindings as are allowed.</summary>
    PushBindingLimitExceeded = 60,

    /// <summary>The service instance or the caller has used up a quota.</summary>
    QuotaExceeded = 61,

    /// <summary>There are as many API keys as are allowed.</summary>
    ApiKeyLimitExceeded = 62,

    /// <summary>The store cannot be read or written now.</summary>
    StorageUnavailable = 70,

    /// <summary>The server is shutting down.</summary>
    ServerStopping = 71,

    /// <summary>The stream reached its age limit.</summary>
    StreamMaxAge = 72,

    /// <summary>The client of a watch reads nothing.</summary>
    WatchStalled = 73,

    /// <summary>A fault of the server.</summary>
    Internal = 80,

    /// <summary>The caller presents no credentials.</summary>
    CredentialsRequired = 90,

    /// <summary>The caller's credentials are not those of anybody.</summary>
    CredentialsInvalid = 91,

    /// <summary>The API key was revoked, or its secret replaced.</summary>
    ApiKeyRevoked = 92,

    /// <summary>The access token cannot be read or lacks a claim.</summary>
    AccessTokenMalformed = 93,

    /// <summary>The access token is signed by an algorithm that is not accepted.</summary>
    AccessTokenAlgorithmRefused = 94,

    /// <summary>The access token's issuer is no API key that may issue it.</summary>
    AccessTokenIssuerRefused = 95,

    /// <summary>The access token is not signed with its issuer's secret.</summary>
    AccessTokenSignatureInvalid = 96,

    /// <summary>The access token has expired.</summary>
    AccessTokenExpired = 97,

    /// <summary>The access token is not valid yet.</summary>
    AccessTokenNotYetValid = 98,

    /// <summary>The access token is valid for too long.</summary>
    AccessTokenLifetimeTooLong = 99,

    /// <summary>The caller may not do that.</summary>
    PermissionDenied = 100,
}
