using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Server.Errors;

/// <summary>Turns a refusal into what goes over the wire: a status, and <c>google.rpc.Status</c> with its details in the trailers.</summary>
internal static class ErrorDetails
{
    /// <summary>The domain of every <c>google.rpc.ErrorInfo</c>.</summary>
    public const string Domain = "grpc-presence";

    /// <summary>The metadata key of the id under which the log has the details of an INTERNAL.</summary>
    public const string CorrelationIdKey = "correlation_id";

    /// <summary>How long a client should wait after UNAVAILABLE: longer than most commits take to work again, shorter than a person's patience.</summary>
    public static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    /// <summary>The refusal as an exception that gRPC sends.</summary>
    public static RpcException ToRpcException(PresenceException refusal)
    {
        var info = NewInfo(refusal.Reason);
        foreach (var (key, value) in refusal.Details)
            info.Metadata[key] = value;
        foreach (var violation in refusal.Violations)
            info.Metadata.TryAdd(violation.Field, ErrorTable.NameOf(violation.Reason));

        var details = new List<IMessage> { info };
        if (refusal.Violations.Count > 0)
            details.Add(BadRequestOf(refusal.Violations));
        if (RetryDelayOf(refusal) is { } delay)
            details.Add(new RetryInfo { RetryDelay = Duration.FromTimeSpan(delay) });
        return Make(refusal.Reason, TextOf(refusal), details);
    }

    /// <summary>INTERNAL, with nothing but the id under which the log has the details.</summary>
    public static RpcException Internal(string correlationId)
    {
        var info = NewInfo(ErrorReason.Internal);
        info.Metadata[CorrelationIdKey] = correlationId;
        return Make(ErrorReason.Internal, "", [info]);
    }

    /// <summary>How long the client is asked to wait; null when waiting does not help.</summary>
    public static TimeSpan? RetryDelayOf(PresenceException refusal) =>
        ErrorTable.StatusOf(refusal.Reason) == StatusCode.Unavailable ? RetryDelay : refusal.RetryAfter;

    private static ErrorInfo NewInfo(ErrorReason reason) => new() { Domain = Domain, Reason = ErrorTable.NameOf(reason) };

    private static BadRequest BadRequestOf(IReadOnlyList<Violation> violations)
    {
        var badRequest = new BadRequest();
        badRequest.FieldViolations.AddRange(violations.Select(violation =>
            new BadRequest.Types.FieldViolation { Field = violation.Field, Description = violation.Description }));
        return badRequest;
    }

    /// <summary>A line for people. The trailers hold every violation already, and a fault of the store may speak of files.</summary>
    public static string TextOf(PresenceException refusal) => refusal switch
    {
        StorageException => "The store cannot be used now.",
        { Violations: [var only] } => $"{only.Field}: {only.Description}",
        { Violations: [var first, ..] } => $"{first.Field}: {first.Description} (and {refusal.Violations.Count - 1} more)",
        _ => refusal.Message,
    };

    private static RpcException Make(ErrorReason reason, string text, IEnumerable<IMessage> details)
    {
        var status = new Google.Rpc.Status { Code = (int)ErrorTable.StatusOf(reason), Message = text };
        status.Details.AddRange(details.Select(Any.Pack));
        return status.ToRpcException();
    }
}
