using Grpc.Core;
using GrpcPresence.V1;

namespace GrpcPresence.Client;

/// <summary>The server rejected a call, and a retry would not help.</summary>
public sealed class PresenceException : Exception
{
    /// <summary>Creates an exception, also for tests of programs that use the client.</summary>
    /// <param name="statusCode">The status of the call.</param>
    /// <param name="reason">The reason; <see cref="ErrorReason.Unspecified"/> if the error has no details.</param>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">The error of gRPC.</param>
    public PresenceException(StatusCode statusCode, ErrorReason reason, string message, Exception? innerException = null)
        : base(message, innerException) => (StatusCode, Reason) = (statusCode, reason);

    /// <summary>The status of the call.</summary>
    public StatusCode StatusCode { get; }

    /// <summary>The reason, by which a program can decide; <see cref="ErrorReason.Unspecified"/> if the error has no details.</summary>
    public ErrorReason Reason { get; }
}
