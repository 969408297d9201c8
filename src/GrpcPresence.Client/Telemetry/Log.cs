using GrpcPresence.Client.Connections;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Client.Telemetry;

/// <summary>The log entries of a client.</summary>
internal static partial class Log
{
    public static void WatchInterrupted(ILogger logger, string error, TimeSpan delay) =>
        WatchInterrupted(logger, error, Math.Round(delay.TotalSeconds, 1));

    public static void HeartbeatsInterrupted(ILogger logger, string error, TimeSpan delay) =>
        HeartbeatsInterrupted(logger, error, Math.Round(delay.TotalSeconds, 1));

    [LoggerMessage(1, LogLevel.Warning, "Watch interrupted ({Error}); next attempt in {Seconds} s")]
    private static partial void WatchInterrupted(ILogger logger, string error, double seconds);

    [LoggerMessage(2, LogLevel.Information, "Watch up to date again")]
    public static partial void WatchResumed(ILogger logger);

    [LoggerMessage(3, LogLevel.Error, "Watch rejected by the server: {Error}")]
    public static partial void WatchRejected(ILogger logger, string error);

    [LoggerMessage(4, LogLevel.Warning, "Heartbeats interrupted ({Error}); next attempt in {Seconds} s")]
    private static partial void HeartbeatsInterrupted(ILogger logger, string error, double seconds);

    [LoggerMessage(5, LogLevel.Information, "Heartbeats are answered again")]
    public static partial void HeartbeatsResumed(ILogger logger);

    [LoggerMessage(6, LogLevel.Error, "Heartbeats rejected by the server: {Error}; sessions that ended: {Sessions}")]
    public static partial void HeartbeatsRejected(ILogger logger, string error, int sessions);

    [LoggerMessage(7, LogLevel.Warning, "Heartbeat streams break and single heartbeats work; sending single heartbeats for {Period}")]
    public static partial void StreamsBreak(ILogger logger, TimeSpan period);

    [LoggerMessage(8, LogLevel.Error, "A handler of an event of a watch failed")]
    public static partial void HandlerFailed(ILogger logger, Exception error);

    public static void ProviderFailed(ILogger logger, CredentialsException failed) =>
        ProviderFailed(logger, failed.InnerException!.Message);

    [LoggerMessage(10, LogLevel.Debug, "The provider of access tokens failed: {Message}")]
    private static partial void ProviderFailed(ILogger logger, string message);

    [LoggerMessage(9, LogLevel.Warning, "The disposal of a {Type} failed")]
    public static partial void DisposalFailed(ILogger logger, string type, Exception error);
}
