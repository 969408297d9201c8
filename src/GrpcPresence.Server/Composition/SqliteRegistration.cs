using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;
using GrpcPresence.Storage.Sqlite.Store;

namespace GrpcPresence.Server.Composition;

/// <summary>Registers the store on one SQLite file.</summary>
internal static class SqliteRegistration
{
    /// <summary>Adds the store. It is opened when the server is built, and closed after everything else has stopped.</summary>
    public static IServiceCollection AddSqliteStore(this IServiceCollection services) =>
        services.AddSingleton<IPresenceStore>(Open);

    private static SqlitePresenceStore Open(IServiceProvider provider)
    {
        var settings = provider.GetRequiredService<ServerSettings>();
        var store = new SqlitePresenceStore(new SqliteStoreOptions { Path = settings.Database });
        var logger = provider.GetRequiredService<ILogger<SqlitePresenceStore>>();
        if (store.IsNew)
            Log.StoreCreated(logger, store.Path, store.SqliteVersion);
        else
            Log.StoreOpened(logger, store.Path, store.SqliteVersion);
        if (store.Shared.Count > 0)
            Log.FilesShared(logger, string.Join(", ", store.Shared));
        return store;
    }
}
