using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Telemetry;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace GrpcPresence.Server.Health;

/// <summary>
/// Reports the state of the store to health and to the log. It is registered before the writer, so that it misses no change.
/// </summary>
internal sealed class StorageObserver(StorageStatus storage, HealthStatuses statuses, ILogger<StorageObserver> logger) : IHostedService
{
    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        storage.Changed += OnChanged;
        storage.Faulted += OnFaulted;
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        storage.Changed -= OnChanged;
        storage.Faulted -= OnFaulted;
        return Task.CompletedTask;
    }

    private void OnChanged(PresenceException? exception)
    {
        statuses.Set(HealthStatuses.Storage, exception is null ? ServingStatus.Serving : ServingStatus.NotServing);
        if (exception is null)
            Log.StorageRecovered(logger);
        else if (exception is not NodeEvictedException) // the store works, and the loop of the node logs how the node has ended
            Log.StorageFailing(logger, exception);
    }

    private void OnFaulted(Exception exception) => Log.ChangeFaulted(logger, exception);
}
