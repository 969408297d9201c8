using GrpcPresence.Core.Changes;
using GrpcPresence.Core.Limits;
using GrpcPresence.Core.Metrics;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Server.Hosting;

/// <summary>The one timer: ends leases that have run out, and looks at the times of watches.</summary>
internal sealed class TickService(
    PresenceTracker tracker, WatchHub hub, ChangeQueue queue, PresenceMetrics metrics, TimeProvider time) : BackgroundService
{
    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        metrics.ObserveSessions(() => tracker.LiveSessions);
        metrics.ObserveQueueDepth(() => queue.Count);
        metrics.ObservePending(() => hub.PendingUsers);
        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Bounds.Tick, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                tracker.Tick();
                hub.Tick();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }
}
