using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Fixture;

/// <summary>All of Core of one node that has joined a cluster. It holds no shard.</summary>
internal sealed class ClusterNode : IDisposable
{
    private ClusterNode(InMemoryPresenceStore store, NodeId id)
    {
        Id = id;
        World = new World(store, fence: new ShardFence(id, Gates));
    }

    public NodeId Id { get; }

    public ShardGates Gates { get; } = new();

    public World World { get; }

    public InMemoryPresenceStore Store => World.Store;

    public static async Task<ClusterNode> JoinAsync(InMemoryPresenceStore data, string name, long incarnation = 1)
    {
        var node = new ClusterNode(data.OpenNode(), new NodeId(name, incarnation));
        Assert.Null(await node.Store.JoinAsync(node.Id, default));
        node.LearnData();
        return node;
    }

    public void Dispose() => World.Dispose();

    /// <summary>Makes the node know the data that the store holds, as a poll does. It keeps the shards that it holds.</summary>
    public void LearnData() => Gates.SetData(Store.Image.Cluster.Identity);

    /// <summary>Claims shards that are free, and opens their gates. All shards without any.</summary>
    public async Task ClaimAsync(params Shard[] shards)
    {
        if (shards.Length == 0)
            shards = [.. Enumerable.Range(0, Shard.Count).Select(number => new Shard(number))];
        foreach (var claimed in await Store.ClaimAsync(Id, Store.Image.Cluster.Identity, shards, default))
            Gates.Set(claimed.Shard, new ShardGate(ShardGateState.Open, claimed.Epoch));
    }

    /// <summary>Seals the gate of a shard that the node holds, and returns its epoch.</summary>
    public long Seal(Shard shard)
    {
        var epoch = Gates[shard].Epoch;
        Gates.Set(shard, new ShardGate(ShardGateState.Sealed, epoch));
        return epoch;
    }

    /// <summary>Closes the gate of a shard, as when the node does not hold it.</summary>
    public void Close(Shard shard) => Gates.Set(shard, default);

    /// <summary>Creates a service instance with a SID that is the same in each run, so that its users have the same shards.</summary>
    public async Task<CachedService> NewServiceAsync()
    {
        var sid = new ServiceSid(1);
        await World.Do(new CreateServiceInstance(sid, "test"));
        await World.Switch(sid, on: true);
        return await World.Services.GetAsync(sid, default);
    }

    public static Shard ShardOf(ServiceSid service, string user) => Shard.Of(service, World.Id(user));
}
