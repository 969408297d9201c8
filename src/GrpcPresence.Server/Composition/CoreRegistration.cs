using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Reading;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Webhooks;

namespace GrpcPresence.Server.Composition;

/// <summary>
/// Registers the domain, which depends only on the store. What a node of a cluster has in addition, such as the gates of the tracker, comes
/// from <see cref="Cluster.ClusterRegistration"/>, and is absent in a single node.
/// </summary>
internal static class CoreRegistration
{
    /// <summary>Adds the domain and the hosted services that drive it. Requires a registered <see cref="IPresenceStore"/>.</summary>
    public static IServiceCollection AddPresenceCore(this IServiceCollection services)
    {
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<IUserEncoder, UserEncoder>();
        services.AddSingleton<ReaderThreads>();
        services.AddSingleton(NewStoreReads);
        services.AddSingleton(NewServerReads);
        services.AddSingleton<PresenceMetrics>();
        services.AddSingleton<StorageStatus>();
        services.AddSingleton<ServiceCache>();
        services.AddSingleton<ApiKeyCache>();
        services.AddSingleton<CommandQueue>();
        services.AddSingleton<PresenceTracker>();
        services.AddSingleton<ITrackedUsers>(provider => provider.GetRequiredService<PresenceTracker>());
        services.AddSingleton<UserResolver>();
        services.AddSingleton<PresenceRecovery>();
        services.AddSingleton(NewWatchHub);
        services.AddSingleton(NewPublishers);
        services.AddSingleton<ServerFault>();
        services.AddSingleton(NewWriter);
        services.AddSingleton(NewQuotaLimiter);
        services.AddHostedService<WriterService>();
        services.AddHostedService<RecoveryService>();
        services.AddWebhooks();
        services.AddHostedService<LeaseTimer>();
        return services;
    }

    private static IStoreReader NewServerReads(IServiceProvider provider)
    {
        // Created before the threads, so that it is disposed of after them.
        var store = provider.GetRequiredService<IPresenceStore>();
        return StoreReads.ForServer(store, provider.GetRequiredService<ReaderThreads>().Queue);
    }

    private static StoreReads NewStoreReads(IServiceProvider provider)
    {
        var store = provider.GetRequiredService<IPresenceStore>();
        var threads = provider.GetRequiredService<ReaderThreads>();
        return new StoreReads(store, threads.Queue, provider.GetRequiredService<QuotaLimiter>());
    }

    private static WatchHub NewWatchHub(IServiceProvider provider) => new(
        provider.GetRequiredService<IStoreReader>(),
        provider.GetRequiredService<IUserEncoder>(),
        provider.GetRequiredService<StorageStatus>(),
        provider.GetRequiredService<PresenceMetrics>(),
        provider.GetRequiredService<TimeProvider>(),
        Random.Shared,
        provider.GetRequiredService<ServerSettings>().WatchStallTimeout,
        provider.GetService<NodeConfirmationCheck>()?.IsConfirmed);

    /// <summary>
    /// Watches first, because their clients wait, then the watches at other nodes. Webhook deliveries are only woken. A list, because the
    /// container would dispose of each publisher a second time if it were registered under this interface too.
    /// </summary>
    private static IReadOnlyList<ICommitPublisher> NewPublishers(IServiceProvider provider)
    {
        var hub = provider.GetRequiredService<WatchHub>();
        var webhooks = provider.GetRequiredService<WebhookDispatcher>();
        return provider.GetService<CommitHints>() is { } hints ? [hub, hints, webhooks] : [hub, webhooks];
    }

    private static CommandWriter NewWriter(IServiceProvider provider)
    {
        var settings = provider.GetRequiredService<ServerSettings>();
        return ActivatorUtilities.CreateInstance<CommandWriter>(
            provider, settings.TombstoneRetention, settings.Quotas.ServiceInstance.Users);
    }

    private static QuotaLimiter NewQuotaLimiter(IServiceProvider provider)
    {
        var quotas = provider.GetRequiredService<ServerSettings>().Quotas;
        return new QuotaLimiter(
            quotas.ServiceInstance,
            quotas.ApiKey,
            quotas.AccessToken,
            provider.GetRequiredService<PresenceMetrics>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetService<ClusterNode>()?.Quotas);
    }
}
