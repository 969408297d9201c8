using GrpcPresence.Core.Presence;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Composition;

/// <summary>
/// Loads the users that were online when the last process ended, before the listener opens. Their leases begin when the server is ready, so
/// that a deployment does not make users appear offline.
/// </summary>
internal sealed class RecoveryService(
    PresenceRecovery recovery,
    PresenceTracker tracker,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    ILogger<RecoveryService> logger)
    : IHostedService
{
    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        var users = await recovery.LoadAsync(cancellationToken);
        var duration = time.GetElapsedTime(began);
        Log.Recovered(logger, users, duration);
        lifetime.ApplicationStarted.Register(tracker.Start);
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
