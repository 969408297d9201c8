using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Errors;

/// <summary>Converts an error to its wire format: a status, and <c>google.rpc.Status</c> with its details in the trailers.</summary>
internal static class ErrorDetails
{
    /// <summary>The domain of every <c>google.rpc.ErrorInfo</c>.</summary>
    public const string Domain = "grpc-presence";

    /// <summary>The metadata key of the id under which the log has the details of an INTERNAL error.</summary>
    public const string CorrelationIdKey = "correlation_id";

    /// <summary>
    /// How long a client should wait after UNAVAILABLE: longer than most commits take to succeed again, but short enough for a person to
    /// wait.
    /// </summary>
    public static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    /// <summary>Converts the error to an exception that gRPC sends.</summary>
    public static RpcException ToRpcException(PresenceException exception)
    {
        var info = NewInfo(exception.Reason);
        foreach (var (key, value) in exception.Details)
            info.Metadata[key] = value;
        foreach (var violation in exception.Violations)
            info.Metadata.TryAdd(violation.Field, ErrorTable.NameOf(violation.Reason));

        var details = new List<IMessage> { info };
        if (exception.Violations.Count > 0)
            details.Add(BadRequestOf(exception.Violations));
        if (RetryDelayOf(exception) is { } delay)
            details.Add(new RetryInfo { RetryDelay = Duration.FromTimeSpan(delay) });
        return Make(exception.Reason, TextOf(exception), details);
    }

    /// <summary>Creates an INTERNAL error that contains only the id under which the log has the details.</summary>
    public static RpcException Internal(string correlationId)
    {
        var info = NewInfo(ErrorReason.Internal);
        info.Metadata[CorrelationIdKey] = correlationId;
        return Make(ErrorReason.Internal, "", [info]);
    }

    /// <summary>Returns how long the client should wait before a retry, or null when a retry does not help.</summary>
    public static TimeSpan? RetryDelayOf(PresenceException exception) =>
        ErrorTable.StatusOf(exception.Reason) == StatusCode.Unavailable ? RetryDelay : exception.RetryAfter;

    private static ErrorInfo NewInfo(ErrorReason reason) => new() { Domain = Domain, Reason = ErrorTable.NameOf(reason) };

    private static BadRequest BadRequestOf(IReadOnlyList<Violation> violations)
    {
        var badRequest = new BadRequest();
        badRequest.FieldViolations.AddRange(violations.Select(violation =>
            new BadRequest.Types.FieldViolation { Field = violation.Field, Description = violation.Description }));
        return badRequest;
    }

    /// <summary>
    /// Returns a message for people. The trailers already contain every violation. The message of a storage error may contain file names,
    /// so it is replaced.
    /// </summary>
    public static string TextOf(PresenceException exception) => exception switch
    {
        StorageException => "The store is temporarily unavailable. Retry later.",
        { Violations: [var only] } => $"{only.Field}: {only.Description}",
        { Violations: [var first, ..] } => $"{first.Field}: {first.Description} (and {exception.Violations.Count - 1} more)",
        _ => exception.Message,
    };

    private static RpcException Make(ErrorReason reason, string text, IEnumerable<IMessage> details)
    {
        var status = new Google.Rpc.Status { Code = (int)ErrorTable.StatusOf(reason), Message = text };
        status.Details.AddRange(details.Select(Any.Pack));
        return status.ToRpcException();
    }
}
