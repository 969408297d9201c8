using System.Security.Cryptography;
using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Errors;

/// <summary>Decides what the client of a call that threw is told. Safe from any thread.</summary>
internal sealed class ErrorMapper(IHostApplicationLifetime lifetime, ILogger<ErrorMapper> logger)
{
    private const int CorrelationIdBytes = 8;

    /// <summary>What to throw instead.</summary>
    public RpcException Map(Exception thrown, ServerCallContext context) => Map(thrown, context.Method, context.CancellationToken);

    /// <summary>What to send instead, for a call that gRPC does not know yet.</summary>
    public RpcException Map(Exception thrown, string method, CancellationToken cancellationToken) => thrown switch
    {
        RpcException already => already,
        PresenceException { Reason: not ErrorReason.Internal } refusal => ErrorDetails.ToRpcException(refusal),
        _ when IsEndOfCall(thrown, cancellationToken) => Ended(),
        _ => ErrorDetails.Internal(LogFault(thrown, method)),
    };

    /// <summary>
    /// Whether the call is over and this is only how the handler came to notice: after a cancellation gRPC throws InvalidOperationException from
    /// writes, and reads from a connection that was reset throw IOException.
    /// </summary>
    private static bool IsEndOfCall(Exception thrown, CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested
        && thrown is OperationCanceledException or InvalidOperationException or IOException;

    private RpcException Ended() => lifetime.ApplicationStopping.IsCancellationRequested
        ? ErrorDetails.ToRpcException(PresenceErrors.ServerStopping())
        : new RpcException(new Status(StatusCode.Cancelled, ""));

    /// <summary>Logs a fault of this program and returns the id under which the log has it: all that the client is told.</summary>
    public string LogFault(Exception thrown, string method)
    {
        var correlationId = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(CorrelationIdBytes));
        Log.CallFaulted(logger, thrown, method, correlationId);
        return correlationId;
    }
}
