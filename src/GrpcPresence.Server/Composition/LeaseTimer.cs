using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Streams;

namespace GrpcPresence.Server.Composition;

/// <summary>
/// The one timer: ends leases that have run out, looks at the times of watches, ends the streams of callers that have ended, and now and then drops
/// meters that are idle.
/// </summary>
internal sealed class LeaseTimer(
    PresenceTracker tracker,
    WatchHub hub,
    ActiveStreams streams,
    CommandQueue queue,
    QuotaLimiter quotas,
    PresenceMetrics metrics,
    TimeProvider time)
    : BackgroundService
{
    private PeriodicTimer? _timer;

    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        // The host runs ExecuteAsync on another thread, at any later time. Ticks begin with the start.
        _timer = new PeriodicTimer(Limits.Tick, time);
        metrics.ObserveSessions(() => tracker.LiveSessions);
        metrics.ObserveQueueDepth(() => queue.Count);
        metrics.ObservePending(() => hub.PendingUsers);
        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _timer?.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var sweptAt = time.GetTimestamp();
        try
        {
            while (await _timer!.WaitForNextTickAsync(stoppingToken))
            {
                tracker.Tick();
                hub.Tick();
                streams.Tick();
                if (time.GetElapsedTime(sweptAt) < Limits.MeterSweepInterval)
                    continue;
                quotas.Sweep();
                sweptAt = time.GetTimestamp();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }
}
