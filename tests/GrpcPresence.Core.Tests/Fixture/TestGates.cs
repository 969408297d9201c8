using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Tests.Fixture;

/// <summary>Changes of gates that only a test makes.</summary>
internal static class TestGates
{
    /// <summary>Sets the gate of a shard, whatever it is.</summary>
    public static void Set(this ShardGates gates, Shard shard, ShardGate gate) =>
        Assert.True(gates.TryChange(shard, gates[shard], gate));

    /// <summary>Makes the node know the data, which leaves it all shards that it holds.</summary>
    public static void SetData(this ShardGates gates, DataIdentity data)
    {
        var all = new ShardBits();
        all.AddAll();
        gates.SetData(data, all);
    }
}
