using Microsoft.Extensions.Logging;

namespace GrpcPresence.Cluster.Hosting;

/// <summary>
/// Gives the warnings and errors of Orleans to the logs of the process, without those that say nothing here: Orleans advises another garbage
/// collector, and names each start of a node.
/// </summary>
internal sealed class SiloLoggerFactory(ILoggerFactory inner) : ILoggerFactory
{
    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new Filter(inner.CreateLogger(categoryName));

    /// <inheritdoc/>
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    /// <summary>Does nothing: the process owns the logs.</summary>
    public void Dispose()
    {
    }

    private sealed class Filter(ILogger inner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning && inner.IsEnabled(logLevel);

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                inner.Log(logLevel, eventId, state, exception, formatter);
        }
    }
}
