using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Telemetry;
using GrpcPresence.Storage.Sqlite.Store;

namespace GrpcPresence.Server.Composition;

/// <summary>Opens the store on one SQLite file.</summary>
internal static class SqliteRegistration
{
    /// <summary>Opens the store that the settings name.</summary>
    public static SqlitePresenceStore Open(IServiceProvider provider)
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
