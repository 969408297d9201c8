using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Streams;
using GrpcPresence.Server.Streams.Requests;

namespace GrpcPresence.Server.Composition;

/// <summary>
/// The only timer. It expires leases, checks the deadlines of watches, ends the streams of callers whose credentials are no longer valid,
/// resets requests whose clients do not read, and regularly removes idle usage counters.
/// </summary>
internal sealed class LeaseTimer(
    PresenceTracker tracker,
    WatchHub hub,
    ActiveStreams streams,
    OpenRequests requests,
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
        // The host runs ExecuteAsync on another thread at some later time, but ticks must begin with the start.
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
                requests.Tick();
                if (time.GetElapsedTime(sweptAt) < Limits.MeterSweepInterval)
                    continue;
                quotas.Sweep();
                sweptAt = time.GetTimestamp();
            }
        }
        catch (OperationCanceledException)
        {
            // The server is stopping.
        }
    }
}
