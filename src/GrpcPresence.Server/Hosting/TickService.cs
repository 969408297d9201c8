using GrpcPresence.Core.Changes;
using GrpcPresence.Core.Limits;
using GrpcPresence.Core.Metrics;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Watching;
using GrpcPresence.Server.Access;

namespace GrpcPresence.Server.Hosting;

/// <summary>The one timer: ends leases that have run out, looks at the times of watches, and ends the streams of callers that have ended.</summary>
internal sealed class TickService(
    PresenceTracker tracker, WatchHub hub, OpenCalls calls, ChangeQueue queue, PresenceMetrics metrics, TimeProvider time) : BackgroundService
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
                calls.Tick();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }
}
