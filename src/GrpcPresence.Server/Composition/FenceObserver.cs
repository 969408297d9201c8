using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;
using GrpcPresence.Storage.Postgres.Store;

namespace GrpcPresence.Server.Composition;

/// <summary>
/// Stops the server when another one has taken its place in a shared database: what it would answer from then on might no longer be true.
/// Its clients get their tokens, and continue with the other one.
/// </summary>
internal sealed class FenceObserver(
    ServerSettings settings, IPresenceStore store, ServerFault fault, IHostApplicationLifetime lifetime, ILogger<FenceObserver> logger)
    : BackgroundService
{
    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // The type of the store is only looked at where there is one: it would load the library of PostgreSQL.
        if (settings is { Postgres: not null, NodeAddress: null }) // others end a node of a cluster, which observes that itself
            await ObserveAsync(stoppingToken);
    }

    private async Task ObserveAsync(CancellationToken stoppingToken)
    {
        try
        {
            var reason = await ((PostgresPresenceStore)store).Fenced.WaitAsync(stoppingToken);
            Log.Fenced(logger, reason);
            fault.Note();
            lifetime.StopApplication();
        }
        catch (OperationCanceledException)
        {
            // The server is stopping.
        }
    }
}
