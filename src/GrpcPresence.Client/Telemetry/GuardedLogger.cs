using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace GrpcPresence.Client.Telemetry;

/// <summary>Logs, unless that fails. Sessions and watches must not end because the program's log cannot be written.</summary>
/// <param name="logger">The logger of the program.</param>
/// <param name="highest">The level that entries have at most.</param>
internal sealed class GuardedLogger(ILogger logger, LogLevel highest = LogLevel.Critical) : ILogger
{
    /// <summary>Creates the logger of a category; one that writes nothing where the program's loggers cannot create it.</summary>
    /// <param name="loggers">The loggers of the program, or null.</param>
    /// <param name="category">The category.</param>
    /// <param name="highest">The level that entries have at most.</param>
    public static GuardedLogger Create(ILoggerFactory? loggers, string category, LogLevel highest = LogLevel.Critical)
    {
        try
        {
            return new GuardedLogger(loggers?.CreateLogger(category) ?? NullLogger.Instance, highest);
        }
        catch (Exception)
        {
            // gRPC asks for its loggers inside the first call, which would fail each time.
            return new GuardedLogger(NullLogger.Instance, highest);
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null; // the client opens none, and gRPC's scope repeats the address

    public bool IsEnabled(LogLevel logLevel)
    {
        try
        {
            return logger.IsEnabled(Capped(logLevel));
        }
        catch (Exception)
        {
            return false;
        }
    }

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        try
        {
            var level = Capped(logLevel);
            logger.Log(level, eventId, state, exception, formatter);
        }
        catch (Exception)
        {
            // Nowhere is left to report it.
        }
    }

    // None is the highest level of all, and stays what it is.
    private LogLevel Capped(LogLevel level) => level > highest && level != LogLevel.None ? highest : level;
}
