using Google.Protobuf.Reflection;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Server.Tests.Fixture;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>
/// Decides whether a status is one that <c>error_reason.proto</c> documents for what was sent. An objection is a sentence; null is none.
/// </summary>
internal static class StatusOracle
{
    /// <summary>Looks at the answer to one message.</summary>
    public static string? Objection(MethodDescriptor method, byte[] request, CallOutcome outcome)
    {
        if (request.Length > Limits.ReceivedMessageBytes)
            return Expect(outcome.Error, StatusCode.ResourceExhausted, "a message over the limit");
        if (!Decoding.TryDecode(method.InputType, request, out _, out var undecodable))
            return Expect(outcome.Error, undecodable, "bytes that cannot be decoded");
        if (outcome.Error is not null)
            return ObjectionToRefusal(method, outcome.Error);
        return outcome.Messages.All(message => Decoding.TryDecode(method.OutputType, message, out _))
            ? null
            : "the answer cannot be decoded";
    }

    /// <summary>Looks at the refusal of a message that can be decoded: the reason must be there, and all that is promised with it.</summary>
    public static string? ObjectionToRefusal(MethodDescriptor method, RpcException refusal)
    {
        var error = CallError.From(refusal);
        if (error.Info is null)
            return IsStandard(method, refusal.StatusCode) ? null : $"{refusal.StatusCode} without a reason: {refusal.Status.Detail}";
        if (!DocumentedReasons.Statuses.TryGetValue(error.Reason, out var documented))
            return $"the reason {error.Reason} is not documented";
        if (documented != error.Code)
            return $"{error.Reason} came with {error.Code}";
        // Nothing fails here, so the faults of the server among the reasons are none that a request may cause.
        if (documented is StatusCode.Internal or StatusCode.Unavailable)
            return $"{error.Reason}: a request caused a fault";
        return documented == StatusCode.InvalidArgument ? ObjectionToViolations(error) : null;
    }

    /// <summary>Expects what gRPC refuses before a handler runs.</summary>
    public static string? Expect(RpcException? refusal, StatusCode code, string of)
    {
        if (refusal is null)
            return $"{of} was accepted";
        return refusal.StatusCode == code && CallError.From(refusal).Info is null
            ? null
            : $"{of} was refused with {refusal.StatusCode}: {refusal.Status.Detail}";
    }

    private static string? ObjectionToViolations(CallError error)
    {
        if (error.Fields.Count == 0)
            return $"{error.Reason} names no field";
        if (error.Fields.FirstOrDefault(field => !DocumentedReasons.Statuses.ContainsKey(error.Metadata.GetValueOrDefault(field, ""))) is { } unexplained)
            return $"the metadata have no reason for {unexplained}";
        return error.Metadata[error.Fields[0]] == error.Reason ? null : $"{error.Reason} is not the reason of the first violation";
    }

    // The health service answers for a name that it does not know as its own standard says.
    private static bool IsStandard(MethodDescriptor method, StatusCode code) =>
        method.FullName == "grpc.health.v1.Health.Check" && code == StatusCode.NotFound;
}
