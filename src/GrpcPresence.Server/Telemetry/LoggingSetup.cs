using GrpcPresence.Server.Settings;
using Microsoft.Extensions.Logging.Console;

namespace GrpcPresence.Server.Telemetry;

/// <summary>Configures the format of the log and the categories that may write to it.</summary>
internal static class LoggingSetup
{
    private const string TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";

    /// <summary>
    /// Logs one line per event to the console. The framework logs from Warning, and Kestrel from Error, so that clients cannot fill the log
    /// with invalid input. The section <c>Logging</c> of the configuration overrides these levels.
    /// </summary>
    public static void AddPresenceLogging(this ILoggingBuilder logging, ServerSettings settings, IConfiguration configuration)
    {
        logging.SetMinimumLevel(LogLevel.Warning);
        logging.AddFilter(nameof(GrpcPresence), LogLevel.Information);
        // Kestrel logs a warning with a stack trace for each connection that ends in an unexpected way, such as a header field with index
        // 0.
        logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Error);
        // This category logs each request from Information on. If any of its levels is enabled, the framework creates an activity for every
        // call. To enable it, set this exact category: a setting for a wider category does not apply.
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        // The host logs a failed start with a stack trace, and also throws it. The program already reports the error in one line.
        logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        logging.AddConfiguration(configuration.GetSection("Logging"));
        // Standard output belongs to the command, so its log goes to standard error.
        if (settings.HasAdminSocketOnly)
            logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
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
