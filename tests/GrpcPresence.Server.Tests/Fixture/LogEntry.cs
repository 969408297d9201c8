using Microsoft.Extensions.Logging;

namespace GrpcPresence.Server.Tests.Fixture;

internal sealed record LogEntry(LogLevel Level, int EventId, string Category, string Text, Exception? Exception);
