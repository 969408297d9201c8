using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Shards;

/// <summary>The gates say which of them have changed.</summary>
public sealed class ShardGatesTests
{
    private static readonly Shard Shard = new(70);

    private readonly ShardGates _gates = new();

    [Fact]
    public void A_change_is_shown_once()
    {
        _gates.Set(Shard, new ShardGate(ShardGateState.Open, Epoch: 1));
        _gates.Set(Shard, new ShardGate(ShardGateState.Sealed, Epoch: 1));

        Assert.Equal([Shard], TakeChanged());
        Assert.Empty(TakeChanged());
    }

    [Fact]
    public void The_forced_loss_of_a_shard_is_a_change_and_that_of_an_earlier_epoch_is_not()
    {
        _gates.Set(Shard, new ShardGate(ShardGateState.Open, Epoch: 2));
        TakeChanged();

        _gates.Close(Shard, epoch: 1);
        Assert.Empty(TakeChanged());
        _gates.Close(Shard, epoch: 2);
        Assert.Equal([Shard], TakeChanged());
    }

    private List<Shard> TakeChanged()
    {
        List<Shard> shards = [];
        for (var word = 0; word < ShardBits.Words; word++)
        {
            for (var bits = _gates.TakeChanged(word); bits != 0; bits &= bits - 1)
                shards.Add(ShardBits.ShardOf(word, bits));
        }
        return shards;
    }
}
