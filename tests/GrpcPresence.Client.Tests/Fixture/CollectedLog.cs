using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>Keeps what the loggers of a program write.</summary>
internal sealed class CollectedLog : ILoggerProvider
{
    private readonly Channel<string> _entries = Channel.CreateUnbounded<string>();

    /// <summary>How many entries the test has not read.</summary>
    public int Count => _entries.Reader.Count;

    /// <summary>Returns the next entry: its level and its category.</summary>
    public Task<string> NextAsync() =>
        Barrier.Within(_entries.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask(), "an entry was logged");

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
    }

    private sealed class Logger(CollectedLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            log._entries.Writer.TryWrite($"{logLevel} {category}");
    }
}
