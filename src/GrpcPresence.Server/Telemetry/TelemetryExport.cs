using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace GrpcPresence.Server.Telemetry;

/// <summary>
/// Sends the last metrics and traces when the server has stopped, in bounded time. Disposing the providers sends them too, but one after
/// the other and for up to five seconds each. A collector that does not answer would then delay the stop for twice the allowed time.
/// </summary>
internal sealed class TelemetryExport(Uri endpoint, MeterProvider meters, TracerProvider traces, ILogger<TelemetryExport> logger)
    : IHostedLifecycleService
{
    /// <summary>How long the collector has to accept the last values. It is part of the time that the host allows for the stop.</summary>
    public static readonly TimeSpan FlushTimeout = TimeSpan.FromSeconds(2);

    // User information and query may contain a password, so they are left out.
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
        // When the time for stopping is over, still begin both shutdowns. Otherwise the disposal that follows would wait for them.
        var limit = cancellationToken.IsCancellationRequested ? 0 : (int)FlushTimeout.TotalMilliseconds;
        var flush = Task.WhenAll(
            Task.Run(() => meters.Shutdown(limit), CancellationToken.None), Task.Run(() => traces.Shutdown(limit), CancellationToken.None));
        try
        {
            await flush.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The time for stopping is over. Values that were not sent are lost.
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
