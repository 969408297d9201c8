using Google.Protobuf.Reflection;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Tests.Fixture;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>
/// Decides whether <c>error_reason.proto</c> documents a status for the request. An objection is a sentence; null means no objection.
/// </summary>
internal static class StatusOracle
{
    /// <summary>Checks the answer to one message.</summary>
    public static string? Objection(MethodDescriptor method, byte[] request, CallOutcome outcome)
    {
        if (request.Length > MaxBytes(method))
            return Expect(outcome.Error, StatusCode.ResourceExhausted, "a message over the limit");
        if (!Decoding.TryDecodeRequest(method.InputType, request, out _, out var undecodable))
            return ObjectionToUndecodable(method, request, outcome, undecodable);
        if (outcome.Error is not null)
            return IsOfTooManyFields(request, outcome.Error) ? null : ObjectionToRejection(method, outcome.Error);
        return outcome.Messages.All(message => Decoding.TryDecode(method.OutputType, message, out _))
            ? null
            : "the answer cannot be decoded";
    }

    /// <summary>Checks the error of a message that can be decoded. It must have a reason and everything that is promised with it.</summary>
    public static string? ObjectionToRejection(MethodDescriptor method, RpcException exception)
    {
        var error = CallError.From(exception);
        if (CallError.WireBytes(exception) is > ErrorDetails.MaxTrailerBytes and var bytes)
            return $"the trailers have {bytes} bytes";
        if (error.Info is null)
            return IsStandard(method, exception.StatusCode) ? null : $"{exception.StatusCode} without a reason: {exception.Status.Detail}";
        if (!DocumentedReasons.Statuses.TryGetValue(error.Reason, out var documented))
            return $"the reason {error.Reason} is not documented";
        if (documented != error.Code)
            return $"{error.Reason} came with {error.Code}";
        // Nothing fails in this test, so a request must not cause a reason that stands for a server error.
        if (documented is StatusCode.Internal or StatusCode.Unavailable)
            return $"{error.Reason}: a request caused a server error";
        return documented == StatusCode.InvalidArgument ? ObjectionToViolations(error) : null;
    }

    /// <summary>Returns the maximum size of a message to the method.</summary>
    public static int MaxBytes(MethodDescriptor method) =>
        AuthorizationTable.Find($"/{method.Service.FullName}/{method.Name}")!.MaxMessageBytes;

    /// <summary>
    /// Checks the error of bytes that cannot be decoded. Of several errors, the server reports too many entries or fields first if they
    /// come before bytes that are not the wire format, and a text that is not UTF-8 last.
    /// </summary>
    public static string? ObjectionToUndecodable(MethodDescriptor method, byte[] request, CallOutcome outcome, StatusCode undecodable)
    {
        var error = outcome.Error;
        if (error is { StatusCode: StatusCode.InvalidArgument } && CallError.From(error).Reason == "FIELD_TOO_LONG")
            return ObjectionToRejection(method, error);
        if (IsOfTooManyFields(request, error))
            return null;
        return Expect(error, error?.StatusCode == StatusCode.Internal ? StatusCode.Internal : undecodable, "bytes that cannot be decoded");
    }

    /// <summary>
    /// Whether the error is that of a message with too many fields. It may be right for a message with more bytes than a message may have
    /// fields. Random bytes, and some texts inside unknown fields, contain thousands of them.
    /// </summary>
    public static bool IsOfTooManyFields(byte[] request, RpcException? error) =>
        request.Length > Limits.FieldsPerMessage
        && error is not null
        && Expect(error, StatusCode.ResourceExhausted, "a message of too many fields") is null;

    /// <summary>Expects the status of a message that gRPC rejects before a handler runs.</summary>
    public static string? Expect(RpcException? exception, StatusCode code, string of)
    {
        if (exception is null)
            return $"{of} was accepted";
        return exception.StatusCode == code && CallError.From(exception).Info is null
            ? null
            : $"{of} was rejected with {exception.StatusCode}: {exception.Status.Detail}";
    }

    private static string? ObjectionToViolations(CallError error)
    {
        if (error.Fields.Count == 0)
            return $"{error.Reason} names no field";
        // The last violation may stand for those that are omitted.
        var unexplained = error.Fields.FirstOrDefault(field =>
            field.Length > 0 && !DocumentedReasons.Statuses.ContainsKey(error.Metadata.GetValueOrDefault(field, "")));
        if (unexplained is not null)
            return $"{unexplained} has no reason";
        return error.Metadata[error.Fields[0]] == error.Reason ? null : $"{error.Reason} is not the reason of the first violation";
    }

    // For an unknown name, the health service answers as its own standard says.
    private static bool IsStandard(MethodDescriptor method, StatusCode code) =>
        method.FullName == "grpc.health.v1.Health.Check" && code == StatusCode.NotFound;
}
