using System.Security.Cryptography;
using Grpc.Core;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Errors;

/// <summary>Converts an exception to the error that the client of the call receives. Safe from any thread.</summary>
internal sealed class ErrorMapper(IHostApplicationLifetime lifetime, ILogger<ErrorMapper> logger)
{
    private const int CorrelationIdBytes = 8;

    /// <summary>Returns the exception to throw instead.</summary>
    public RpcException Map(Exception thrown, ServerCallContext context) => Map(thrown, context.Method, context.CancellationToken);

    /// <summary>Returns the exception to throw instead, for a call that has no gRPC context yet.</summary>
    public RpcException Map(Exception thrown, string method, CancellationToken cancellationToken) => thrown switch
    {
        RpcException already => already,
        PresenceException { Reason: not ErrorReason.Internal } error => ErrorDetails.ToRpcException(error),
        _ when IsEndOfCall(thrown, cancellationToken) => Ended(),
        _ => ErrorDetails.Internal(LogFault(thrown, method)),
    };

    /// <summary>
    /// Whether the call is over and the handler only noticed it through an exception. After a cancellation, gRPC throws
    /// InvalidOperationException from writes, and reads from a reset connection throw IOException.
    /// </summary>
    private static bool IsEndOfCall(Exception thrown, CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested
        && thrown is OperationCanceledException or InvalidOperationException or IOException;

    private RpcException Ended() => lifetime.ApplicationStopping.IsCancellationRequested
        ? ErrorDetails.ToRpcException(PresenceErrors.ServerStopping())
        : new RpcException(new Status(StatusCode.Cancelled, ""));

    /// <summary>Logs an unexpected error and returns its correlation id, the only detail that the client receives.</summary>
    public string LogFault(Exception thrown, string method)
    {
        var correlationId = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(CorrelationIdBytes));
        Log.CallFaulted(logger, thrown, method, correlationId);
        return correlationId;
    }
}
