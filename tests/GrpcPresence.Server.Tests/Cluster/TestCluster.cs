using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Server.Composition.Cluster;
using GrpcPresence.Server.Health;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Testing;
using Microsoft.Extensions.DependencyInjection;
using Barrier = GrpcPresence.Server.Tests.Fixture.Barrier;
using Serving = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace GrpcPresence.Server.Tests.Cluster;

/// <summary>Real servers that are the nodes of one cluster, in this process, on one store in memory and on real time.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private readonly LoopbackNetwork _network = new();
    private readonly InMemoryPresenceStore _store = new();
    private readonly ServerSettings _settings;
    private readonly Action<IServiceCollection>? _services;
    private readonly List<(NodeId Id, TestServer Server)> _nodes = [];

    private TestCluster(ServerSettings settings, Action<IServiceCollection>? services) => (_settings, _services) = (settings, services);

    public IReadOnlyList<TestServer> Nodes => [.. _nodes.Select(node => node.Server)];

    /// <summary>Starts a cluster whose nodes are ready.</summary>
    public static async Task<TestCluster> StartAsync(
        int nodes = 3, ServerSettings? settings = null, Action<IServiceCollection>? services = null)
    {
        var cluster = new TestCluster(settings ?? new ServerSettings(), services);
        try
        {
            for (var i = 0; i < nodes; i++)
                await cluster.AddAsync();
            foreach (var node in cluster.Nodes)
                await ReadyAsync(node);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts another node, which may not be ready yet.</summary>
    public async Task<TestServer> AddAsync()
    {
        var id = new NodeId($"n{_nodes.Count + 1}", 1);
        var store = _store.OpenNode();
        var view = _network.Join(id);
        var server = await TestServer.StartAsync(store: store, settings: _settings, services: services =>
        {
            services.AddSingleton(view);
            services.AddSingleton<INodeChannel>(provider =>
                _network.Connect(id, () => provider.GetRequiredService<ClusterNode>().Receive));
            services.AddClusterNode();
            _services?.Invoke(services);
        });
        _nodes.Add((id, server));
        return server;
    }

    /// <summary>Waits until health says that the node serves.</summary>
    public static Task ReadyAsync(TestServer node) => StatusAsync(node, Serving.Serving);

    /// <summary>Waits until health has shown a status of the node.</summary>
    public static async Task StatusAsync(TestServer node, Serving status)
    {
        using var statuses = node.Get<HealthStatuses>().Subscribe(HealthStatuses.Server);
        await Barrier.Within(ShownAsync(), $"a node became {status}");

        async Task ShownAsync()
        {
            await foreach (var shown in statuses.ReadAllAsync(TestRun.Token))
            {
                if (shown == status)
                    return;
            }
        }
    }

    /// <summary>Returns the node that decides about the user.</summary>
    public TestServer OwnerOf(string service, string identity) => HolderOf(Shard.Of(SidOf(service), Identity.FromTrusted(identity)));

    /// <summary>Returns the node that decides about the service instance as a whole.</summary>
    public TestServer HomeOf(string service) => HolderOf(Shard.Of(SidOf(service)));

    /// <summary>Returns identities that the node owns.</summary>
    public IEnumerable<string> UsersOf(TestServer node, string service) =>
        Enumerable.Range(0, 10_000).Select(i => $"user-{i}").Where(user => OwnerOf(service, user) == node);

    /// <summary>Stops a node as its operator does. It leaves, and its process ends.</summary>
    public async Task StopAsync(TestServer node)
    {
        await Barrier.Within(node.StopAsync(), "the node stopped");
        var (id, _) = _nodes.Single(started => started.Server == node);
        _network.Leave(id);
    }

    /// <summary>Removes a node from the views, as when the others believe that it is dead. It sees that.</summary>
    public void RemoveFromView(TestServer node) => _network.Leave(_nodes.Single(started => started.Server == node).Id);

    public async ValueTask DisposeAsync()
    {
        // All leave at the same time, so the last ones have nobody to give their shards to.
        await Task.WhenAll(_nodes.Select(node => node.Server.StopAsync()));
        foreach (var (id, server) in _nodes)
        {
            _network.Leave(id);
            await server.EndAsync();
        }
        _store.Dispose();
    }

    private TestServer HolderOf(Shard shard)
    {
        var holder = _nodes[0].Server.Get<ClusterNode>().Table[shard].Node;
        return _nodes.Single(node => node.Id == holder).Server;
    }

    private static ServiceSid SidOf(string service)
    {
        Assert.True(ServiceSid.TryParse(service, out var sid));
        return sid;
    }
}
