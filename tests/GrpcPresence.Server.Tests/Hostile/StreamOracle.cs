using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.V1;

namespace GrpcPresence.Server.Tests.Hostile;

/// <summary>Decides whether a stream answered its messages in order, up to the first one that it must reject.</summary>
internal static class StreamOracle
{
    /// <summary>Returns what is wrong with the answers, or null.</summary>
    public static string? Objection(MethodDescriptor method, IReadOnlyList<byte[]> requests, CallOutcome outcome)
    {
        var heartbeats = method.Name == nameof(UserService.UserServiceClient.StreamHeartbeats);
        // Other service instances than those of the round may be deleted at any time. Their streams may then end at any message, with the
        // reason.
        if (heartbeats && outcome.Error is { StatusCode: StatusCode.NotFound } notFound && !IsOfTheRound(requests))
            return StatusOracle.ObjectionToRejection(method, notFound);
        for (var i = 0; i < requests.Count; i++)
        {
            if (requests[i].Length > StatusOracle.MaxBytes(method))
            {
                return ObjectionToCount(outcome, i)
                    ?? StatusOracle.Expect(outcome.Error, StatusCode.ResourceExhausted, "a message over the limit");
            }
            if (i == outcome.Messages.Count && StatusOracle.IsOfTooManyFields(requests[i], outcome.Error))
                return null;
            if (!Decoding.TryDecodeRequest(method.InputType, requests[i], out var message, out var undecodable))
                return ObjectionToCount(outcome, i) ?? StatusOracle.ObjectionToUndecodable(method, requests[i], outcome, undecodable);
            if (heartbeats && Rejects((StreamHeartbeatsRequest)message, isFirst: i == 0))
                return ObjectionToEnd(method, outcome, i);
            if (i < outcome.Messages.Count && ObjectionToReply(method, message, outcome.Messages[i]) is { } objection)
                return objection;
        }
        if (heartbeats && requests.Count == 0)
            return ObjectionToEnd(method, outcome, 0);
        return ObjectionToCount(outcome, requests.Count) ?? (outcome.Error is { } error ? $"rejected with {error.Status}" : null);
    }

    private static bool Rejects(StreamHeartbeatsRequest message, bool isFirst) => message.MessageCase switch
    {
        StreamHeartbeatsRequest.MessageOneofCase.Start => !isFirst || !ServiceSid.TryParse(message.Start.ServiceSid, out _),
        StreamHeartbeatsRequest.MessageOneofCase.Beats => isFirst || message.Beats.Beats.Count > Limits.BeatsPerMessage,
        StreamHeartbeatsRequest.MessageOneofCase.Ends => isFirst || message.Ends.Ends.Count > Limits.BeatsPerMessage,
        _ => true,
    };

    private static bool IsOfTheRound(IReadOnlyList<byte[]> requests) =>
        requests.Count > 0
        && Decoding.TryDecode(StreamHeartbeatsRequest.Descriptor, requests[0], out var first)
        && ((StreamHeartbeatsRequest)first).Start?.ServiceSid is KnownValues.Service or KnownValues.ForeignService;

    private static string? ObjectionToEnd(MethodDescriptor method, CallOutcome outcome, int replies) =>
        ObjectionToCount(outcome, replies)
        ?? (outcome.Error is { } error
            ? StatusOracle.ObjectionToRejection(method, error)
            : "a message that breaks the protocol was accepted");

    private static string? ObjectionToCount(CallOutcome outcome, int replies) =>
        outcome.Messages.Count == replies ? null : $"{outcome.Messages.Count} replies in place of {replies}, then {outcome.Error?.Status}";

    private static string? ObjectionToReply(MethodDescriptor method, IMessage request, byte[] bytes)
    {
        if (!Decoding.TryDecode(method.OutputType, bytes, out var reply))
            return "the answer cannot be decoded";
        if (request is not StreamHeartbeatsRequest heartbeats)
            return null;
        var entries = heartbeats.Beats?.Beats.Count ?? heartbeats.Ends?.Ends.Count ?? 0;
        var response = (StreamHeartbeatsResponse)reply;
        if (response.Accepted + response.Rejected.Count != entries)
            return $"{response.Accepted} accepted and {response.Rejected.Count} rejected of {entries}";
        return response.Rejected.All(rejected => rejected.Index >= 0 && rejected.Index < entries && IsRejection(rejected.Reason))
            ? null
            : $"rejected: {response.Rejected}";
    }

    private static bool IsRejection(ErrorReason reason) =>
        Enum.IsDefined(reason) && reason is not (ErrorReason.Unspecified or ErrorReason.Internal or ErrorReason.StorageUnavailable);
}
