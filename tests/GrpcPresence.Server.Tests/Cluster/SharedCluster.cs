using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Services;

namespace GrpcPresence.Server.Tests.Cluster;

/// <summary>
/// A cluster of three nodes. The tests of clusters run one after the other, because a node that gets no processor for a second rejects
/// heartbeats, as it must.
/// </summary>
[CollectionDefinition(Collection)]
public sealed class SharedCluster : IAsyncLifetime, ICollectionFixture<SharedCluster>
{
    public const string Collection = "clusters";

    private int _calls;

    internal TestCluster Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Cluster = await TestCluster.StartAsync();
        foreach (var node in Cluster.Nodes)
            node.IsShared = true;
    }

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();

    /// <summary>
    /// Returns the next node. A test creates service instances with SIDs that are drawn, so it calls owners and other nodes.
    /// </summary>
    internal Task<TestServer> NextAsync() => Task.FromResult(Cluster.Nodes[_calls++ % Cluster.Nodes.Count]);
}

/// <summary>The tests of users, called at nodes of a cluster.</summary>
[Collection(SharedCluster.Collection)]
public sealed class ClusterUserTests(SharedCluster cluster) : UserServiceTests
{
    private protected override Task<TestServer> StartAsync() => cluster.NextAsync();
}

/// <summary>The tests of service instances and configurations, called at nodes of a cluster.</summary>
[Collection(SharedCluster.Collection)]
public sealed class ClusterConfigurationTests(SharedCluster cluster) : ConfigurationServiceTests
{
    private protected override Task<TestServer> StartAsync() => cluster.NextAsync();
}

/// <summary>The tests of notification settings, called at nodes of a cluster.</summary>
[Collection(SharedCluster.Collection)]
public sealed class ClusterNotificationTests(SharedCluster cluster) : NotificationConfigurationTests
{
    private protected override Task<TestServer> StartAsync() => cluster.NextAsync();
}

/// <summary>The tests of webhook settings, called at nodes of a cluster.</summary>
[Collection(SharedCluster.Collection)]
public sealed class ClusterWebhookConfigurationTests(SharedCluster cluster) : WebhookConfigurationTests
{
    private protected override Task<TestServer> StartAsync() => cluster.NextAsync();
}

/// <summary>The tests of push bindings, called at nodes of a cluster.</summary>
[Collection(SharedCluster.Collection)]
public sealed class ClusterPushBindingTests(SharedCluster cluster) : ListPushBindingsTests
{
    private protected override Task<TestServer> StartAsync() => cluster.NextAsync();
}

/// <summary>The tests of unary heartbeats, called at nodes of a cluster.</summary>
[Collection(SharedCluster.Collection)]
public sealed class ClusterHeartbeatTests(SharedCluster cluster) : HeartbeatTests
{
    private protected override Task<TestServer> StartAsync() => cluster.NextAsync();
}
