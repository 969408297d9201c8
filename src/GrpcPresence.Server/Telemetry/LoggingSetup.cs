using GrpcPresence.Server.Settings;
using Microsoft.Extensions.Logging.Console;

namespace GrpcPresence.Server.Telemetry;

/// <summary>How the log looks and who may write to it.</summary>
internal static class LoggingSetup
{
    private const string TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";

    /// <summary>
    /// One line for each event, on the console. The framework speaks from Warning on, and Kestrel from Error, so that no client can fill the log with bad
    /// input. The section <c>Logging</c> of the configuration overrides it.
    /// </summary>
    public static void AddPresenceLogging(this ILoggingBuilder logging, ServerSettings settings, IConfiguration configuration)
    {
        logging.SetMinimumLevel(LogLevel.Warning);
        logging.AddFilter(nameof(GrpcPresence), LogLevel.Information);
        // Kestrel warns of each connection that ends in a way which it did not foresee, with a stack trace: a header field of the index 0 does.
        logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Error);
        // It would tell of requests, from Information on; where it may tell of anything, an activity is made for every call. Who wants that sets this very
        // category: a setting for a wider one does not reach it.
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        // It tells of a start that failed with a stack trace, and throws it too: the program says in one line what it was.
        logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        logging.AddConfiguration(configuration.GetSection("Logging"));
        // A command of the operator has its output for itself.
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
