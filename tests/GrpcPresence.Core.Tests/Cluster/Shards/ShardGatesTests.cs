using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tests.Fixture;

namespace GrpcPresence.Core.Tests.Cluster.Shards;

/// <summary>The loop of a node and its writer change gates at the same time.</summary>
public sealed class ShardGatesTests
{
    private static readonly Shard Shard = new(7);
    private static readonly DataIdentity Data = new("server", Timeline: 1);
    private static readonly DataIdentity OtherData = new("server", Timeline: 2);

    private readonly ShardGates _gates = new();

    public ShardGatesTests()
    {
        _gates.SetData(Data);
        _gates.Set(Shard, new ShardGate(ShardGateState.Open, Epoch: 5));
    }

    [Fact]
    public void OneHolder_a_gate_that_was_changed_meanwhile_does_not_change()
    {
        var seen = _gates[Shard];
        _gates.Lose(Shard, epoch: 5, Data);

        Assert.False(_gates.TryChange(Shard, seen, seen with { State = ShardGateState.Sealed }));

        Assert.Equal(new ShardGate(ShardGateState.Closed, 5), _gates[Shard]);
    }

    [Fact]
    public void A_gate_that_the_writer_has_closed_keeps_its_epoch_when_the_loop_closes_it_too()
    {
        _gates.Lose(Shard, epoch: 5, Data);
        _gates.Close(Shard);
        Assert.Equal(new ShardGate(ShardGateState.Closed, 5), _gates[Shard]);

        _gates.Set(Shard, new ShardGate(ShardGateState.Open, 6));
        _gates.Close(Shard);
        Assert.Equal(default, _gates[Shard]);
    }

    [Fact]
    public void Live_a_shard_that_was_lost_in_earlier_data_stays_open_in_the_data_that_leaves_it_with_the_node()
    {
        _gates.SetData(OtherData);

        _gates.Lose(Shard, epoch: 5, Data); // a commit to the data of before has lost it

        Assert.True(_gates.IsOpen(Shard));
        Assert.Equal(OtherData, _gates.Data);
    }

    [Fact]
    public void Other_data_closes_the_gates_that_it_does_not_leave_and_forgets_epochs_of_before()
    {
        var lost = new Shard(8);
        _gates.Set(lost, new ShardGate(ShardGateState.Open, 5));
        _gates.Lose(lost, epoch: 5, Data);
        var kept = new ShardBits();
        kept.Add(lost);

        _gates.SetData(OtherData, kept);

        Assert.Equal(default, _gates[Shard]);
        Assert.Equal(default, _gates[lost]);
    }

    [Fact]
    public void A_change_is_shown_once()
    {
        TakeChanged();
        _gates.Set(Shard, new ShardGate(ShardGateState.Sealed, Epoch: 5));
        _gates.Set(Shard, new ShardGate(ShardGateState.Open, Epoch: 5));

        Assert.Equal([Shard], TakeChanged());
        Assert.Empty(TakeChanged());
    }

    [Fact]
    public void The_forced_loss_of_a_shard_is_a_change_and_that_of_an_earlier_epoch_is_not()
    {
        _gates.Set(Shard, new ShardGate(ShardGateState.Open, Epoch: 2));
        TakeChanged();

        _gates.Lose(Shard, epoch: 1, Data);
        Assert.Empty(TakeChanged());
        _gates.Lose(Shard, epoch: 2, Data);
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
