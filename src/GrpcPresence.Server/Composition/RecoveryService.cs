using System.Runtime;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Presence;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Composition;

/// <summary>
/// Loads the users that were online when the last process ended, before the listener opens. Their leases begin when the server is ready, so
/// that a deployment does not make users appear offline. A node of a cluster loads the shards that it takes over, and nothing here.
/// </summary>
internal sealed class RecoveryService(
    PresenceRecovery recovery,
    PresenceTracker tracker,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    ILogger<RecoveryService> logger,
    ClusterNode? node = null)
    : IHostedService
{
    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (node is not null)
            return;
        var began = time.GetTimestamp();
        var users = await LoadAsync(cancellationToken);
        var duration = time.GetElapsedTime(began);
        Log.Recovered(logger, users, duration);
        lifetime.ApplicationStarted.Register(tracker.Start);
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>
    /// Loads with collections that block. While nothing is served, their pauses delay nobody. Collections in the background would mark the
    /// growing heap beside the load, and so delay the start.
    /// </summary>
    private async Task<long> LoadAsync(CancellationToken cancellationToken)
    {
        var mode = GCSettings.LatencyMode;
        GCSettings.LatencyMode = GCLatencyMode.Batch;
        try
        {
            return await recovery.LoadAsync(cancellationToken);
        }
        finally
        {
            GCSettings.LatencyMode = mode;
        }
    }
}
