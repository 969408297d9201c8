using Google.Rpc;
using Grpc.Core;

namespace GrpcPresence.Samples;

/// <summary>What a client needs to know of an error of the server. error_reason.proto documents every reason.</summary>
internal static class ServerError
{
    /// <summary>Whether the same call may succeed later. The server attaches RetryInfo to most of these errors.</summary>
    public static bool IsTransient(RpcException error) =>
        error.StatusCode is StatusCode.Unavailable or StatusCode.ResourceExhausted or StatusCode.Internal;

    /// <summary>Returns the delay that the server asks for, or null: a connection that breaks has no details.</summary>
    public static TimeSpan? RetryDelayOf(RpcException error) =>
        error.GetRpcStatus()?.GetDetail<RetryInfo>()?.RetryDelay?.ToTimeSpan();

    /// <summary>Returns the reason, such as SERVER_STOPPING, or null.</summary>
    public static string? ReasonOf(RpcException error) => error.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason;

    /// <summary>Describes the error in one line.</summary>
    public static string Describe(RpcException error) =>
        ReasonOf(error) is { } reason ? $"{error.StatusCode} {reason}" : $"{error.StatusCode} ({error.Status.Detail})";
}
