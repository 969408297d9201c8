using Google.Rpc;
using Grpc.Core;
using GrpcPresence.V1;
using Status = Grpc.Core.Status;

namespace GrpcPresence.Client.Connections;

/// <summary>Why a call failed, as far as a client decides by it.</summary>
/// <param name="Status">The status.</param>
/// <param name="Reason">The reason; unspecified if the error does not come from the server itself, such as a broken connection.</param>
/// <param name="RetryDelay">How long the server asks to wait, or null.</param>
/// <param name="Cause">The error of gRPC, or null.</param>
internal sealed record CallError(Status Status, ErrorReason Reason, TimeSpan? RetryDelay, RpcException? Cause)
{
    private const string Domain = "grpc-presence";

    // What a server asks for beyond that is a mistake, and timers do not accept more than 49 days.
    private static readonly TimeSpan LongestRetryDelay = TimeSpan.FromDays(1);

    /// <summary>Whether the server itself answered. Otherwise it was the network, or something in between.</summary>
    public bool IsOfServer => Reason != ErrorReason.Unspecified;

    /// <summary>
    /// Whether the call cannot succeed as it is. Only the server itself can say so: a proxy that is misconfigured for a moment must not
    /// end a watch or a session. This client keeps the protocol of streams: where the server finds it violated, the network has held the
    /// first message back, or the transport has lost it.
    /// </summary>
    public bool IsFinal => IsOfServer && Reason != ErrorReason.StreamProtocolViolated && ReasonStatus.IsFinal(Status.StatusCode);

    /// <summary>Whether the server rejected the credentials.</summary>
    public bool IsUnauthenticated => IsOfServer && Status.StatusCode == StatusCode.Unauthenticated;

    /// <summary>Whether the stream ended only because of its age. The server has not gone away.</summary>
    public bool IsRoutine => Reason == ErrorReason.StreamMaxAge;

    /// <summary>Returns an error of the connection, which this client noticed itself.</summary>
    public static CallError Broken(string how) => new(new Status(StatusCode.Unavailable, how), ErrorReason.Unspecified, null, null);

    /// <summary>Reads the details of an error.</summary>
    public static CallError From(RpcException error)
    {
        var details = TryGetDetails(error);
        var info = details?.GetDetail<ErrorInfo>();
        return new CallError(
            error.Status,
            info?.Domain == Domain ? Parse(info.Reason) : ErrorReason.Unspecified,
            DelayOf(details?.GetDetail<RetryInfo>()),
            error);
    }

    /// <summary>Returns the exception for the program.</summary>
    public PresenceException ToException() => new(
        Status.StatusCode,
        Reason,
        IsOfServer ? $"{Status.StatusCode} {Reason}: {Status.Detail}" : ToString(),
        Cause);

    public override string ToString() => IsOfServer ? $"{Status.StatusCode} {Reason}" : $"{Status.StatusCode}: {Status.Detail}{BaseCause}";

    // Of a connection that failed, gRPC says no more than that. The exceptions inside say why, such as "Connection refused".
    private string BaseCause =>
        Status.DebugException?.GetBaseException().Message is { } cause && !Status.Detail.Contains(cause, StringComparison.Ordinal)
            ? $" {cause}"
            : "";

    private static Google.Rpc.Status? TryGetDetails(RpcException error)
    {
        try
        {
            return error.GetRpcStatus();
        }
        catch (Exception malformed) when (malformed is Google.Protobuf.InvalidProtocolBufferException or FormatException)
        {
            return null; // Something in between made it up.
        }
    }

    private static TimeSpan? DelayOf(RetryInfo? info) => info?.RetryDelay is { } asked
        ? TimeSpan.FromSeconds(Math.Clamp(asked.Seconds + (asked.Nanos / 1e9), 0, LongestRetryDelay.TotalSeconds))
        : null;

    // FIELD_INVALID is ErrorReason.FieldInvalid. An unknown reason of a newer server counts as an internal error, which is retried unless
    // its status forbids it.
    private static ErrorReason Parse(string reason) =>
        Enum.TryParse<ErrorReason>(reason.Replace("_", ""), ignoreCase: true, out var known) ? known : ErrorReason.Internal;
}
