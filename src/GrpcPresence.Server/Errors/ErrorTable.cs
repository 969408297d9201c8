using Grpc.Core;
using GrpcPresence.Core.Errors;

namespace GrpcPresence.Server.Errors;

/// <summary>The one table of what each reason is on the wire. <c>error_reason.proto</c> documents the same.</summary>
internal static class ErrorTable
{
    private const string ProtoPrefix = "ERROR_REASON_";

    private static readonly Dictionary<int, string> Names = V1.ErrorReasonReflection.Descriptor.EnumTypes
        .Single(type => type.Name == nameof(V1.ErrorReason)).Values
        .ToDictionary(value => value.Number, value => value.Name[ProtoPrefix.Length..]);

    /// <summary>The status code that the reason belongs to.</summary>
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
        ErrorReason.StorageUnavailable => StatusCode.Unavailable,
        ErrorReason.ServerStopping => StatusCode.Unavailable,
        ErrorReason.StreamMaxAge => StatusCode.Unavailable,
        ErrorReason.WatchStalled => StatusCode.Unavailable,
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
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "The reason has no status."),
    };

    /// <summary>The name of the reason in <c>google.rpc.ErrorInfo</c>: that of the proto without its prefix.</summary>
    public static string NameOf(ErrorReason reason) => Names[(int)reason];
}
