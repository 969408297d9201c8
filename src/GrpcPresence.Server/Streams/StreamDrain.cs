using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Streams;

/// <summary>
/// Keeps connections open until every stream has ended and its client has read the status. Kestrel closes a connection as soon as its last
/// stream ends. .NET's HTTP client then loses the trailers of a stream whose requests it has not completed, and reports INTERNAL instead of
/// UNAVAILABLE.
/// </summary>
internal sealed class StreamDrain(ActiveStreams streams, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<StreamDrain> logger)
    : IHostedLifecycleService
{
    /// <summary>How long clients have to read their trailers: several round trips.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <inheritdoc/>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        // Streams end on ApplicationStopping. Unless a signal stopped the host, the host triggers that only after this method. Without this
        // call, the method would wait for streams that do not end.
        lifetime.StopApplication();
        if (streams.WhenNoneActive() is not { } noneActive)
            return;
        try
        {
            await noneActive.WaitAsync(cancellationToken);
            await Task.Delay(Pause, time, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The time for stopping is over. Kestrel aborts the remaining streams.
        }
        if (streams.Resets > 0)
            Log.StreamsReset(logger, streams.Resets, StreamShutdown.ResetGrace);
    }

    /// <inheritdoc/>
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
