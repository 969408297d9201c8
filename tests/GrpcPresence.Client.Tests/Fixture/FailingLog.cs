using Microsoft.Extensions.Logging;

namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>A log of the program that cannot be written, or one that creates no loggers, as a factory that was disposed of.</summary>
internal sealed class FailingLog(bool createsNone = false) : ILoggerFactory, ILogger
{
    public void AddProvider(ILoggerProvider provider)
    {
    }

    public ILogger CreateLogger(string categoryName) =>
        createsNone ? throw new ObjectDisposedException(nameof(FailingLog)) : this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        throw new InvalidOperationException("The log of the test fails.");

    public void Dispose()
    {
    }
}
