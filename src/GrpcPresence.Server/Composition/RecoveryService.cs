using GrpcPresence.Core.Presence;
using GrpcPresence.Server.Telemetry;

namespace GrpcPresence.Server.Composition;

/// <summary>
/// Before the listener opens, loads the users who were online when the last process ended; their leases begin when the server is ready. Nobody flaps
/// because of a deploy.
/// </summary>
internal sealed class RecoveryService(
    PresenceRecovery recovery, PresenceTracker tracker, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<RecoveryService> logger)
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
