using Microsoft.Extensions.Logging;

namespace GrpcPresence.Client.Telemetry;

/// <summary>Logs, unless that fails. Sessions and watches must not end because the program's log cannot be written.</summary>
/// <param name="logger">The logger of the program.</param>
/// <param name="highest">The level that entries have at most.</param>
internal sealed class GuardedLogger(ILogger logger, LogLevel highest = LogLevel.Critical) : ILogger
{
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
