using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;
using GrpcPresence.Storage.Postgres.Store;

namespace GrpcPresence.Server.Composition;

/// <summary>Opens the store on a PostgreSQL database.</summary>
internal static class PostgresRegistration
{
    /// <summary>From here on one of the two clocks is wrong, and access tokens may be rejected or live too long.</summary>
    private static readonly TimeSpan LargestClockDifference = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Opens the store. The command that serves waits for a database that is away, until a signal ends it; other commands fail at once.
    /// </summary>
    public static PostgresPresenceStore Open(IServiceProvider provider, PostgresConnection postgres)
    {
        var options = new PostgresStoreOptions
        {
            ConnectionString = postgres.ConnectionString,
            MaxReaders = ReaderThreads.MaxRemote,
            Time = provider.GetRequiredService<TimeProvider>(),
        };
        var signals = provider.GetService<StopSignals>();
        var opening = signals is null
            ? PostgresPresenceStore.OpenAsync(options, CancellationToken.None)
            : provider.GetRequiredService<StoreStart>().OpenAsync(
                stop => PostgresPresenceStore.OpenAsync(options, stop), $"{postgres}", signals.Received);
        // The container creates services synchronously, and nothing else runs before the store is open.
        var store = opening.GetAwaiter().GetResult();
        var logger = provider.GetRequiredService<ILogger<PostgresPresenceStore>>();
        if (store.IsNew)
            Log.PostgresCreated(logger, postgres, store.ServerVersion);
        else
            Log.PostgresOpened(logger, postgres, store.ServerVersion);
        if (store.ClockDifference.Duration() > LargestClockDifference)
            Log.ClocksDiffer(logger, store.ClockDifference);
        if (store.OtherRoles is { } roles)
            Log.OpenToOtherRoles(logger, postgres, roles);
        return store;
    }
}
