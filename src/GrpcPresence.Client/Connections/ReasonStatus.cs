using Grpc.Core;
using GrpcPresence.V1;

namespace GrpcPresence.Client.Connections;

/// <summary>
/// The status of each reason, as error_reason.proto gives it. A rejected entry of a heartbeat stream has a reason and no status.
/// </summary>
internal static class ReasonStatus
{
    /// <summary>Returns the status. An unknown reason of a newer server counts as an internal error, which may pass.</summary>
    public static StatusCode Of(ErrorReason reason) => reason switch
    {
        ErrorReason.FieldRequired or ErrorReason.FieldInvalid or ErrorReason.FieldTooLong or ErrorReason.FieldOutOfRange
            or ErrorReason.IdentityReserved or ErrorReason.AttributesInvalid or ErrorReason.UpdateMaskRequired
            or ErrorReason.UpdateMaskUnknownPath or ErrorReason.UpdateMaskReadOnlyPath or ErrorReason.PageTokenInvalid
            or ErrorReason.ResumeTokenInvalid or ErrorReason.StreamProtocolViolated => StatusCode.InvalidArgument,
        ErrorReason.ServiceInstanceNotFound or ErrorReason.UserNotFound or ErrorReason.PushBindingNotFound
            or ErrorReason.ApiKeyNotFound => StatusCode.NotFound,
        ErrorReason.ServiceInstanceAlreadyExists or ErrorReason.UserAlreadyExists
            or ErrorReason.CertificateNameTaken => StatusCode.AlreadyExists,
        ErrorReason.EtagMismatch => StatusCode.Aborted,
        ErrorReason.SessionEnded or ErrorReason.WebhookRefused => StatusCode.FailedPrecondition,
        ErrorReason.PushBindingLimitExceeded or ErrorReason.QuotaExceeded or ErrorReason.ApiKeyLimitExceeded
            or ErrorReason.ResponseTooLarge => StatusCode.ResourceExhausted,
        ErrorReason.StorageUnavailable or ErrorReason.ServerStopping or ErrorReason.StreamMaxAge or ErrorReason.WatchStalled
            or ErrorReason.WebhookUnanswered or ErrorReason.WebhookCapacityExceeded or ErrorReason.OwnerUnavailable
            or ErrorReason.OutcomeUnknown => StatusCode.Unavailable,
        ErrorReason.CredentialsRequired or ErrorReason.CredentialsInvalid or ErrorReason.ApiKeyRevoked
            or ErrorReason.AccessTokenMalformed or ErrorReason.AccessTokenAlgorithmRefused or ErrorReason.AccessTokenIssuerRefused
            or ErrorReason.AccessTokenSignatureInvalid or ErrorReason.AccessTokenExpired or ErrorReason.AccessTokenNotYetValid
            or ErrorReason.AccessTokenLifetimeTooLong => StatusCode.Unauthenticated,
        ErrorReason.PermissionDenied or ErrorReason.HostNotAllowed => StatusCode.PermissionDenied,
        _ => StatusCode.Internal,
    };

    /// <summary>Whether what the server rejected with this status can never succeed as it is.</summary>
    public static bool IsFinal(StatusCode status) => status
        is StatusCode.InvalidArgument
        or StatusCode.NotFound
        or StatusCode.AlreadyExists
        or StatusCode.FailedPrecondition
        or StatusCode.PermissionDenied;
}
