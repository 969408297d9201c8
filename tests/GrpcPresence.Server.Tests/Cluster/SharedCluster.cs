using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Server.Tests.Services;

namespace GrpcPresence.Server.Tests.Cluster;

/// <summary>A cluster of three nodes for all tests of a class.</summary>
public sealed class SharedCluster : IAsyncLifetime
{
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
public sealed class ClusterUserTests(SharedCluster cluster) : UserServiceTests, IClassFixture<SharedCluster>
{
    private protected override Task<TestServer> StartAsync() => cluster.NextAsync();
}

/// <summary>The tests of service instances and configurations, called at nodes of a cluster.</summary>
public sealed class ClusterConfigurationTests(SharedCluster cluster) : ConfigurationServiceTests, IClassFixture<SharedCluster>
{
    private protected override Task<TestServer> StartAsync() => cluster.NextAsync();
}

/// <summary>The tests of notification settings, called at nodes of a cluster.</summary>
public sealed class ClusterNotificationTests(SharedCluster cluster) : NotificationConfigurationTests, IClassFixture<SharedCluster>
{
    private protected override Task<TestServer> StartAsync() => cluster.NextAsync();
}

/// <summary>The tests of webhook settings, called at nodes of a cluster.</summary>
public sealed class ClusterWebhookConfigurationTests(SharedCluster cluster) : WebhookConfigurationTests, IClassFixture<SharedCluster>
{
    private protected override Task<TestServer> StartAsync() => cluster.NextAsync();
}

/// <summary>The tests of push bindings, called at nodes of a cluster.</summary>
public sealed class ClusterPushBindingTests(SharedCluster cluster) : ListPushBindingsTests, IClassFixture<SharedCluster>
{
    private protected override Task<TestServer> StartAsync() => cluster.NextAsync();
}

/// <summary>The tests of unary heartbeats, called at nodes of a cluster.</summary>
public sealed class ClusterHeartbeatTests(SharedCluster cluster) : HeartbeatTests, IClassFixture<SharedCluster>
{
    private protected override Task<TestServer> StartAsync() => cluster.NextAsync();
}
