using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Client.Tests.Fixture;

/// <summary>Keeps what the loggers of a program write.</summary>
internal sealed class CollectedLog : ILoggerProvider
{
    private readonly Channel<(string Kind, string Text)> _entries = Channel.CreateUnbounded<(string Kind, string Text)>();

    /// <summary>How many entries the test has not read.</summary>
    public int Count => _entries.Reader.Count;

    /// <summary>Returns the next entry: its level and its category.</summary>
    public async Task<string> NextAsync() => (await NextEntryAsync()).Kind;

    /// <summary>Returns the next entry: its level, its category and its text.</summary>
    public async Task<string> NextTextAsync()
    {
        var (kind, text) = await NextEntryAsync();
        return $"{kind}: {text}";
    }

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
    }

    private Task<(string Kind, string Text)> NextEntryAsync() =>
        Barrier.Within(_entries.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask(), "an entry was logged");

    private sealed class Logger(CollectedLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            log._entries.Writer.TryWrite(($"{logLevel} {category}", formatter(state, exception)));
    }
}
