using Microsoft.Extensions.Logging;

namespace GrpcPresence.Cluster.Hosting;

/// <summary>
/// Gives the warnings and errors of Orleans to the logs of the process. Two categories give errors only: at each start the silo advises
/// another garbage collector, and its watchdog reports timers that have not run yet.
/// </summary>
internal sealed class SiloLoggerFactory(ILoggerFactory inner) : ILoggerFactory
{
    private static readonly HashSet<string> ErrorsOnly = ["Orleans.Runtime.Silo", "Orleans.Runtime.Watchdog"];

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) =>
        new Filter(inner.CreateLogger(categoryName), ErrorsOnly.Contains(categoryName) ? LogLevel.Error : LogLevel.Warning);

    /// <inheritdoc/>
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    /// <summary>Does nothing: the process owns the logs.</summary>
    public void Dispose()
    {
    }

    private sealed class Filter(ILogger inner, LogLevel least) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => logLevel >= least && inner.IsEnabled(logLevel);

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                inner.Log(logLevel, eventId, state, exception, formatter);
        }
    }
}
