using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Grpc.Forwarding;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Composition.Cluster;

/// <summary>Registers what makes the server a node of a cluster.</summary>
internal static class ClusterRegistration
{
    /// <summary>
    /// The maximum duration of the stop of a node: what it takes to leave at most, and 5 s for the rest. The streams end meanwhile. Below
    /// the 30 s that Kubernetes gives a pod by default: a process that is killed costs its users the time until the others have noticed.
    /// </summary>
    public static readonly TimeSpan ShutdownTimeout = Limits.LeaveTime + TimeSpan.FromSeconds(5);

    /// <summary>
    /// Adds a node. Call it after the domain was added: the node starts after the other services, and stops before them. Requires a
    /// registered <see cref="IClusterView"/> and <see cref="INodeChannel"/>, and that the store is an <see cref="IClusterStore"/>. What the
    /// channel receives must be given to <see cref="ClusterNode.Receive"/>, with a sender that has proved to be this node.
    /// </summary>
    public static IServiceCollection AddClusterNode(this IServiceCollection services)
    {
        services.AddSingleton<NodeClock>();
        services.AddSingleton<ShardGates>();
        services.AddSingleton(NewConfirmation);
        services.AddSingleton<NodeConfirmationCheck>();
        services.AddSingleton<CommitHints>();
        services.AddSingleton(provider => new SidCache(provider.GetRequiredService<ServiceCache>()));
        services.AddSingleton(provider => new ShardFence(
            provider.GetRequiredService<IClusterView>().Self, provider.GetRequiredService<ShardGates>()));
        services.AddSingleton<OwnedMethods>();
        services.AddSingleton<ICallExecutor, OwnedCallExecutor>();
        services.AddSingleton(NewNode);
        services.AddSingleton(provider => provider.GetRequiredService<ClusterNode>().Router);
        services.AddSingleton<RoutedUsers>();
        services.AddSingleton<CallForwarder>();
        services.AddSingleton<NodeMetrics>();
        services.AddHostedService<NodeLoop>();
        services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownTimeout);
        return services;
    }

    private static ConfirmationProtocol NewConfirmation(IServiceProvider provider) => new(
        provider.GetRequiredService<IClusterView>(),
        provider.GetRequiredService<INodeChannel>(),
        provider.GetRequiredService<NodeClock>().Now);

    private static ClusterNode NewNode(IServiceProvider provider)
    {
        var quotas = provider.GetRequiredService<ServerSettings>().Quotas;
        return new ClusterNode(new NodeParts
        {
            View = provider.GetRequiredService<IClusterView>(),
            Channel = provider.GetRequiredService<INodeChannel>(),
            // Not under a registration of its own: the container would dispose of the store twice.
            Store = (IClusterStore)provider.GetRequiredService<IPresenceStore>(),
            Clock = provider.GetRequiredService<NodeClock>(),
            Confirmation = provider.GetRequiredService<ConfirmationProtocol>(),
            Gates = provider.GetRequiredService<ShardGates>(),
            Tracker = provider.GetRequiredService<PresenceTracker>(),
            Queue = provider.GetRequiredService<CommandQueue>(),
            Services = provider.GetRequiredService<ServiceCache>(),
            Keys = provider.GetRequiredService<ApiKeyCache>(),
            Hub = provider.GetRequiredService<WatchHub>(),
            Hints = provider.GetRequiredService<CommitHints>(),
            Quotas = new SharedQuotas(quotas.ServiceInstance, quotas.ApiKey, provider.GetRequiredService<TimeProvider>()),
            Webhooks = provider.GetRequiredService<WebhookDispatcher>(),
            Status = provider.GetRequiredService<StorageStatus>(),
            Executor = provider.GetRequiredService<ICallExecutor>(),
        });
    }
}
