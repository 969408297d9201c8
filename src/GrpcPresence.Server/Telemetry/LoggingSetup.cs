using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Telemetry;

/// <summary>How the log looks and who may write to it.</summary>
internal static class LoggingSetup
{
    private const string TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";

    /// <summary>
    /// One line for each event, on the console. The framework speaks from Warning on, so that no client can fill the log with bad input. The section
    /// <c>Logging</c> of the configuration overrides it.
    /// </summary>
    public static void AddPresenceLogging(this ILoggingBuilder logging, ServerSettings settings, IConfiguration configuration)
    {
        logging.SetMinimumLevel(LogLevel.Warning);
        logging.AddFilter(nameof(GrpcPresence), LogLevel.Information);
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
