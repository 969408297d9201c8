using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Composition;

/// <summary>Registers the store that the settings choose. A process that uses one kind of store loads no library of the other.</summary>
internal static class StoreRegistration
{
    /// <summary>Adds the store. It is opened when the server is built, and closed after everything else has stopped.</summary>
    public static IServiceCollection AddStore(this IServiceCollection services)
    {
        services.AddSingleton<StoreStart>();
        services.AddSingleton(Open);
        services.AddHostedService<FenceObserver>();
        return services;
    }

    private static IPresenceStore Open(IServiceProvider provider) => provider.GetRequiredService<ServerSettings>() switch
    {
        { Postgres: { } postgres, NodeAddress: null } => PostgresRegistration.Open(provider, postgres),
        { Postgres: { } postgres } => PostgresRegistration.OpenNode(provider, postgres),
        _ => SqliteRegistration.Open(provider),
    };
}
