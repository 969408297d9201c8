using Microsoft.Extensions.Logging;

namespace GrpcPresence.Client.Telemetry;

/// <summary>
/// The log of gRPC below the client. Its entries have at most the level Debug, because the client logs each interruption itself, once and
/// without a stack trace. An entry that cannot be written must not stop a call, which would then never end.
/// </summary>
/// <param name="loggers">The loggers of the program, which owns them.</param>
internal sealed class TransportLoggerFactory(ILoggerFactory loggers) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => GuardedLogger.Create(loggers, categoryName, LogLevel.Debug);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("gRPC adds no providers.");

    public void Dispose()
    {
        // The program disposes of its loggers.
    }
}
