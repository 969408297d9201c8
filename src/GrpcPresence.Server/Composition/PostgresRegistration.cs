using GrpcPresence.Server.Composition.Cluster;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;
using GrpcPresence.Storage.Postgres.Cluster;
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
    public static PostgresPresenceStore Open(IServiceProvider provider, PostgresConnection postgres) =>
        Open(provider, postgres, PostgresPresenceStore.OpenAsync);

    /// <summary>Opens the store of a node of a cluster in the same way. The node has not joined then.</summary>
    /// <exception cref="SettingsException">The secret file, which all nodes share, does not exist or cannot be used.</exception>
    public static PostgresPresenceStore OpenNode(IServiceProvider provider, PostgresConnection postgres)
    {
        var settings = provider.GetRequiredService<ServerSettings>();
        var cluster = NodeRegistration.OptionsOf(settings, provider.GetRequiredService<SecretFile>());
        return Open(provider, postgres, async (options, stop) => await PostgresClusterStore.OpenAsync(options, cluster, stop));
    }

    private static PostgresPresenceStore Open(
        IServiceProvider provider,
        PostgresConnection postgres,
        Func<PostgresStoreOptions, CancellationToken, Task<PostgresPresenceStore>> open)
    {
        var options = new PostgresStoreOptions
        {
            ConnectionString = postgres.ConnectionString,
            MaxReaders = ReaderThreads.MaxRemote,
            Time = provider.GetRequiredService<TimeProvider>(),
        };
        var signals = provider.GetService<StopSignals>();
        var opening = signals is null
            ? open(options, CancellationToken.None)
            : provider.GetRequiredService<StoreStart>().OpenAsync(stop => open(options, stop), $"{postgres}", signals.Received);
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
