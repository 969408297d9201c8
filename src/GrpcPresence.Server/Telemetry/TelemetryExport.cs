using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace GrpcPresence.Server.Telemetry;

/// <summary>
/// Sends the last metrics and traces when the server has stopped, in bounded time. Disposing of the providers sends them too, but one
/// after the other and for up to five seconds each: a collector that does not answer would hold the stop for twice as long as it may
/// take.
/// </summary>
internal sealed class TelemetryExport(Uri endpoint, MeterProvider meters, TracerProvider traces, ILogger<TelemetryExport> logger)
    : IHostedLifecycleService
{
    /// <summary>How long a collector has for the last values. It is part of the time that the host allows for the whole stop.</summary>
    public static readonly TimeSpan FlushTimeout = TimeSpan.FromSeconds(2);

    // Without user information and query, which may hold a password.
    private readonly string _endpoint = endpoint.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    /// <inheritdoc/>
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        Log.TelemetryExported(logger, _endpoint);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        // When the time for stopping is over, this still begins both shutdowns: the disposal that follows would otherwise wait for them.
        var limit = cancellationToken.IsCancellationRequested ? 0 : (int)FlushTimeout.TotalMilliseconds;
        var flush = Task.WhenAll(
            Task.Run(() => meters.Shutdown(limit), CancellationToken.None), Task.Run(() => traces.Shutdown(limit), CancellationToken.None));
        try
        {
            await flush.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The time for stopping is over; what was not sent is lost.
        }
    }

    /// <inheritdoc/>
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
