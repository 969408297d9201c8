using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Server.Tests.Fixture;

/// <summary>Records the log entries that pass the filters.</summary>
internal sealed class LogRecorder : ILoggerProvider
{
    private readonly ConcurrentQueue<LogEntry> _entries = [];

    /// <summary>All entries.</summary>
    public IReadOnlyList<LogEntry> Entries => [.. _entries];

    /// <summary>The entries from Warning on.</summary>
    public IReadOnlyList<LogEntry> Problems => [.. _entries.Where(entry => entry.Level >= LogLevel.Warning)];

    /// <summary>Removes all entries.</summary>
    public void Clear() => _entries.Clear();

    public ILogger CreateLogger(string categoryName) => new Recorder(this, categoryName);

    public void Dispose()
    {
    }

    private sealed class Recorder(LogRecorder owner, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            owner._entries.Enqueue(new LogEntry(logLevel, eventId.Id, category, formatter(state, exception), exception));
    }
}
