using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Telemetry;

/// <summary>How the log looks and who may write to it.</summary>
internal static class LoggingSetup
{
    private const string TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";

    /// <summary>
    /// One line for each event, on the console. The framework speaks from Warning on, and gRPC not at all: it logs an Error for each message that
    /// cannot be decoded, which any client can send; what handlers throw is logged by the error interceptor. The section <c>Logging</c> of the
    /// configuration overrides all of it.
    /// </summary>
    public static void AddPresenceLogging(this ILoggingBuilder logging, ServerSettings settings, IConfiguration configuration)
    {
        logging.SetMinimumLevel(LogLevel.Warning);
        logging.AddFilter(nameof(GrpcPresence), LogLevel.Information);
        logging.AddFilter("Grpc", LogLevel.None);
        logging.AddConfiguration(configuration.GetSection("Logging"));
        if (settings.LogFormat == LogFormat.Json)
        {
            logging.AddJsonConsole(console =>
            {
                console.UseUtcTimestamp = true;
                console.TimestampFormat = TimestampFormat.TrimEnd();
            });
        }
        else
        {
            logging.AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.UseUtcTimestamp = true;
                console.TimestampFormat = TimestampFormat;
            });
        }
    }
}
