using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Errors;

/// <summary>Maps each reason to its wire format. <c>error_reason.proto</c> documents the same table.</summary>
internal static class ErrorTable
{
    private const string ProtoPrefix = "ERROR_REASON_";

    private static readonly Dictionary<int, string> Names = V1.ErrorReasonReflection.Descriptor.EnumTypes
        .Single(type => type.Name == nameof(V1.ErrorReason)).Values
        .ToDictionary(value => value.Number, value => value.Name[ProtoPrefix.Length..]);

    /// <summary>Returns the status code of the reason.</summary>
    public static StatusCode StatusOf(ErrorReason reason) => reason switch
    {
        ErrorReason.FieldRequired => StatusCode.InvalidArgument,
        ErrorReason.FieldInvalid => StatusCode.InvalidArgument,
        ErrorReason.FieldTooLong => StatusCode.InvalidArgument,
        ErrorReason.FieldOutOfRange => StatusCode.InvalidArgument,
        ErrorReason.IdentityReserved => StatusCode.InvalidArgument,
        ErrorReason.AttributesInvalid => StatusCode.InvalidArgument,
        ErrorReason.UpdateMaskRequired => StatusCode.InvalidArgument,
        ErrorReason.UpdateMaskUnknownPath => StatusCode.InvalidArgument,
        ErrorReason.UpdateMaskReadOnlyPath => StatusCode.InvalidArgument,
        ErrorReason.PageTokenInvalid => StatusCode.InvalidArgument,
        ErrorReason.ResumeTokenInvalid => StatusCode.InvalidArgument,
        ErrorReason.StreamProtocolViolated => StatusCode.InvalidArgument,
        ErrorReason.ServiceInstanceNotFound => StatusCode.NotFound,
        ErrorReason.UserNotFound => StatusCode.NotFound,
        ErrorReason.PushBindingNotFound => StatusCode.NotFound,
        ErrorReason.ApiKeyNotFound => StatusCode.NotFound,
        ErrorReason.ServiceInstanceAlreadyExists => StatusCode.AlreadyExists,
        ErrorReason.UserAlreadyExists => StatusCode.AlreadyExists,
        ErrorReason.CertificateNameTaken => StatusCode.AlreadyExists,
        ErrorReason.EtagMismatch => StatusCode.Aborted,
        ErrorReason.SessionEnded => StatusCode.FailedPrecondition,
        ErrorReason.WebhookRefused => StatusCode.FailedPrecondition,
        ErrorReason.PushBindingLimitExceeded => StatusCode.ResourceExhausted,
        ErrorReason.ApiKeyLimitExceeded => StatusCode.ResourceExhausted,
        ErrorReason.QuotaExceeded => StatusCode.ResourceExhausted,
        ErrorReason.ResponseTooLarge => StatusCode.ResourceExhausted,
        ErrorReason.StorageUnavailable => StatusCode.Unavailable,
        ErrorReason.ServerStopping => StatusCode.Unavailable,
        ErrorReason.StreamMaxAge => StatusCode.Unavailable,
        ErrorReason.WatchStalled => StatusCode.Unavailable,
        ErrorReason.WebhookUnanswered => StatusCode.Unavailable,
        ErrorReason.WebhookCapacityExceeded => StatusCode.Unavailable,
        ErrorReason.OwnerUnavailable => StatusCode.Unavailable,
        ErrorReason.OutcomeUnknown => StatusCode.Unavailable,
        ErrorReason.Internal => StatusCode.Internal,
        ErrorReason.CredentialsRequired => StatusCode.Unauthenticated,
        ErrorReason.CredentialsInvalid => StatusCode.Unauthenticated,
        ErrorReason.ApiKeyRevoked => StatusCode.Unauthenticated,
        ErrorReason.AccessTokenMalformed => StatusCode.Unauthenticated,
        ErrorReason.AccessTokenAlgorithmRefused => StatusCode.Unauthenticated,
        ErrorReason.AccessTokenIssuerRefused => StatusCode.Unauthenticated,
        ErrorReason.AccessTokenSignatureInvalid => StatusCode.Unauthenticated,
        ErrorReason.AccessTokenExpired => StatusCode.Unauthenticated,
        ErrorReason.AccessTokenNotYetValid => StatusCode.Unauthenticated,
        ErrorReason.AccessTokenLifetimeTooLong => StatusCode.Unauthenticated,
        ErrorReason.PermissionDenied => StatusCode.PermissionDenied,
        ErrorReason.HostNotAllowed => StatusCode.PermissionDenied,
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "The reason has no status."),
    };

    /// <summary>Returns the REST error of the reason, with the code of Twilio Conversations where it defines one.</summary>
    public static RestError RestOf(ErrorReason reason) => reason switch
    {
        ErrorReason.IdentityReserved => new(StatusCodes.Status400BadRequest, 50206),
        ErrorReason.UserAlreadyExists => new(StatusCodes.Status409Conflict, 50201),
        ErrorReason.WebhookRefused => new(StatusCodes.Status403Forbidden, 20403),
        ErrorReason.AccessTokenMalformed => new(StatusCodes.Status401Unauthorized, 20101),
        ErrorReason.AccessTokenAlgorithmRefused => new(StatusCodes.Status401Unauthorized, 20102),
        ErrorReason.AccessTokenIssuerRefused => new(StatusCodes.Status401Unauthorized, 20103),
        ErrorReason.AccessTokenExpired or ErrorReason.AccessTokenLifetimeTooLong => new(StatusCodes.Status401Unauthorized, 20104),
        ErrorReason.AccessTokenNotYetValid => new(StatusCodes.Status401Unauthorized, 20105),
        ErrorReason.AccessTokenSignatureInvalid => new(StatusCodes.Status401Unauthorized, 20107),
        _ => StatusOf(reason) switch
        {
            StatusCode.InvalidArgument => new(StatusCodes.Status400BadRequest, 20001),
            StatusCode.NotFound => new(StatusCodes.Status404NotFound, 20404),
            StatusCode.AlreadyExists or StatusCode.FailedPrecondition => new(StatusCodes.Status409Conflict, 20409),
            StatusCode.Aborted => new(StatusCodes.Status412PreconditionFailed, 20412),
            StatusCode.ResourceExhausted => new(StatusCodes.Status429TooManyRequests, 20429),
            StatusCode.Unavailable => new(StatusCodes.Status503ServiceUnavailable, 20503),
            StatusCode.Unauthenticated => new(StatusCodes.Status401Unauthorized, 20003),
            StatusCode.PermissionDenied => new(StatusCodes.Status403Forbidden, 20403),
            _ => new(StatusCodes.Status500InternalServerError, 20500),
        },
    };

    /// <summary>Returns the name of the reason in <c>google.rpc.ErrorInfo</c>: the proto's name without its prefix.</summary>
    public static string NameOf(ErrorReason reason) => Names[(int)reason];
}
