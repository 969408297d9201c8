using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Telemetry;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace GrpcPresence.Server.Health;

/// <summary>Tells health and the log how the store is doing. Registered before the writer, so that it misses nothing.</summary>
internal sealed class StorageObserver(StorageStatus storage, HealthStatuses board, ILogger<StorageObserver> logger) : IHostedService
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

    private void OnChanged(PresenceException? fault)
    {
        board.Set(HealthStatuses.Storage, fault is null ? ServingStatus.Serving : ServingStatus.NotServing);
        if (fault is null)
            Log.StorageRecovered(logger);
        else
            Log.StorageFailing(logger, fault);
    }

    private void OnFaulted(Exception fault) => Log.ChangeFaulted(logger, fault);
}
