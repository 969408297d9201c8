namespace GrpcPresence.Core.Domain.Errors;

/// <summary>Why a call was rejected. The numbers and names are those of <c>presence.v1.ErrorReason</c>, which documents each.</summary>
public enum ErrorReason
{
    /// <summary>Never used.</summary>
    Unspecified = 0,

    /// <summary>A required field is not set.</summary>
    FieldRequired = 1,

    /// <summary>A field does not have its documented form.</summary>
    FieldInvalid = 2,

    /// <summary>A text or list exceeds its maximum length.</summary>
    FieldTooLong = 3,

    /// <summary>A number or duration is outside its range.</summary>
    FieldOutOfRange = 4,

    /// <summary>An identity has the form of a user SID.</summary>
    IdentityReserved = 5,

    /// <summary>Attributes are not a JSON object.</summary>
    AttributesInvalid = 6,

    /// <summary>The update mask is missing or empty.</summary>
    UpdateMaskRequired = 7,

    /// <summary>The update mask names a field that does not exist.</summary>
    UpdateMaskUnknownPath = 8,

    /// <summary>The update mask names a field that clients cannot write.</summary>
    UpdateMaskReadOnlyPath = 9,

    /// <summary>The page token cannot be decoded, or belongs to another list.</summary>
    PageTokenInvalid = 10,

    /// <summary>The resume token cannot be decoded, or belongs to another service instance.</summary>
    ResumeTokenInvalid = 11,

    /// <summary>The client of a heartbeat stream violated its protocol.</summary>
    StreamProtocolViolated = 12,

    /// <summary>The service instance does not exist.</summary>
    ServiceInstanceNotFound = 20,

    /// <summary>The user does not exist.</summary>
    UserNotFound = 21,

    /// <summary>The push binding does not exist.</summary>
    PushBindingNotFound = 22,

    /// <summary>The API key does not exist.</summary>
    ApiKeyNotFound = 23,

    /// <summary>Another service instance has the SID.</summary>
    ServiceInstanceAlreadyExists = 30,

    /// <summary>Another user has the identity.</summary>
    UserAlreadyExists = 31,

    /// <summary>Another API key has the certificate name.</summary>
    CertificateNameTaken = 32,

    /// <summary>The etag is not the current one.</summary>
    EtagMismatch = 40,

    /// <summary>The session was ended.</summary>
    SessionEnded = 50,

    /// <summary>The webhook that runs before an edit rejected it.</summary>
    WebhookRefused = 51,

    /// <summary>The user has the maximum number of push bindings.</summary>
    PushBindingLimitExceeded = 60,

    /// <summary>The service instance or the caller has used up a quota.</summary>
    QuotaExceeded = 61,

    /// <summary>The scope has the maximum number of API keys.</summary>
    ApiKeyLimitExceeded = 62,

    /// <summary>The response would be larger than clients accept.</summary>
    ResponseTooLarge = 63,

    /// <summary>The store cannot be read or written now.</summary>
    StorageUnavailable = 70,

    /// <summary>The server is shutting down.</summary>
    ServerStopping = 71,

    /// <summary>The stream reached its age limit.</summary>
    StreamMaxAge = 72,

    /// <summary>The client of a watch does not read.</summary>
    WatchStalled = 73,

    /// <summary>
    /// The webhook that runs before an edit gave no answer, and the service instance fails closed. Or the server does not call its URL.
    /// </summary>
    WebhookUnanswered = 74,

    /// <summary>The server has no capacity left to ask the webhook that runs before an edit.</summary>
    WebhookCapacityExceeded = 75,

    /// <summary>The node that is responsible for the user or the service instance cannot answer now.</summary>
    OwnerUnavailable = 76,

    /// <summary>The node that was to run the call did not answer. The call may have happened.</summary>
    OutcomeUnknown = 77,

    /// <summary>An internal error of the server.</summary>
    Internal = 80,

    /// <summary>The caller presents no credentials.</summary>
    CredentialsRequired = 90,

    /// <summary>The caller's credentials are not valid.</summary>
    CredentialsInvalid = 91,

    /// <summary>The API key was revoked, or its secret was replaced.</summary>
    ApiKeyRevoked = 92,

    /// <summary>The access token cannot be read or lacks a claim.</summary>
    AccessTokenMalformed = 93,

    /// <summary>The access token is signed by an algorithm that is not accepted.</summary>
    AccessTokenAlgorithmRefused = 94,

    /// <summary>The access token's issuer is not an API key that may issue it.</summary>
    AccessTokenIssuerRefused = 95,

    /// <summary>The access token is not signed with its issuer's secret.</summary>
    AccessTokenSignatureInvalid = 96,

    /// <summary>The access token has expired.</summary>
    AccessTokenExpired = 97,

    /// <summary>The access token is not valid yet.</summary>
    AccessTokenNotYetValid = 98,

    /// <summary>The access token's lifetime is too long.</summary>
    AccessTokenLifetimeTooLong = 99,

    /// <summary>The caller lacks the permission.</summary>
    PermissionDenied = 100,

    /// <summary>Callers need no credentials, and the request names a host that is not this machine.</summary>
    HostNotAllowed = 101,
}
