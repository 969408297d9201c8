using GrpcPresence.Core.Access;
using GrpcPresence.Core.Changes;
using GrpcPresence.Core.Changes.Store;
using GrpcPresence.Core.Metrics;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Users;
using GrpcPresence.Core.Watching;
using GrpcPresence.Server.Mapping;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Hosting;

/// <summary>The parts of the domain that need nothing but the store.</summary>
internal static class CoreServices
{
    /// <summary>
    /// Adds the domain and the services that drive it. Expects an <see cref="IPresenceStore"/> beside it.
    /// </summary>
    public static IServiceCollection AddPresenceCore(this IServiceCollection services)
    {
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<ISidGenerator, RandomSidGenerator>();
        services.AddSingleton<IUserEncoder, UserEncoder>();
        services.AddSingleton<IStoreReader>(provider => provider.GetRequiredService<IPresenceStore>());
        services.AddSingleton<PresenceMetrics>();
        services.AddSingleton<StorageStatus>();
        services.AddSingleton<ServiceDirectory>();
        services.AddSingleton<ApiKeyRing>();
        services.AddSingleton<ChangeQueue>();
        services.AddSingleton<PresenceTracker>();
        services.AddSingleton<IUserCells>(provider => provider.GetRequiredService<PresenceTracker>());
        services.AddSingleton<UserDirectory>();
        services.AddSingleton<PresenceRecovery>();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<WatchHub>(
            provider, Random.Shared, provider.GetRequiredService<ServerSettings>().WatchStallTimeout));
        services.AddSingleton<ICommitPublisher, CommitPublishers>();
        services.AddSingleton(NewWriter);
        services.AddSingleton(NewQuotaBook);
        services.AddHostedService<ChangeWriterService>();
        services.AddHostedService<RecoveryService>();
        services.AddWebhooks();
        services.AddHostedService<TickService>();
        return services;
    }

    private static ChangeWriter NewWriter(IServiceProvider provider)
    {
        var settings = provider.GetRequiredService<ServerSettings>();
        return ActivatorUtilities.CreateInstance<ChangeWriter>(provider, settings.TombstoneRetention, settings.Quotas.ServiceInstance.Users);
    }

    private static QuotaBook NewQuotaBook(IServiceProvider provider)
    {
        var quotas = provider.GetRequiredService<ServerSettings>().Quotas;
        return new QuotaBook(
            quotas.ServiceInstance,
            quotas.ApiKey,
            quotas.AccessToken,
            provider.GetRequiredService<PresenceMetrics>(),
            provider.GetRequiredService<TimeProvider>());
    }
}
