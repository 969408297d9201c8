using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Shards;

public sealed class ShardTableTests
{
    private static readonly Shard Shard = new(5);
    private static readonly NodeId A = new("a", 1);
    private static readonly NodeId B = new("b", 1);
    private static readonly DataIdentity Data = new("model", Timeline: 1);
    private static readonly DataIdentity Other = new("model", Timeline: 2);

    private readonly ShardTable _table = new();

    public ShardTableTests() => _table.Reset(Data, []);

    [Fact]
    public void A_shard_has_no_holder_at_first() => Assert.Equal(new KnownHolder(null, 0, Data), _table[Shard]);

    [Fact]
    public void A_higher_epoch_replaces_the_holder_of_one_shard()
    {
        Assert.True(_table.Update(Shard, new KnownHolder(A, 1, Data)));
        Assert.True(_table.Update(Shard, new KnownHolder(B, 3, Data)));
        Assert.Equal(new KnownHolder(B, 3, Data), _table[Shard]);
        Assert.Null(_table[new Shard(6)].Node);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(2)]
    public void News_that_is_late_or_repeated_changes_nothing(long epoch)
    {
        _table.Update(Shard, new KnownHolder(A, 3, Data));
        Assert.False(_table.Update(Shard, new KnownHolder(B, epoch, Data)));
        Assert.False(_table.Update(Shard, new KnownHolder(Node: null, epoch, Data)));
        Assert.Equal(new KnownHolder(A, 3, Data), _table[Shard]);
    }

    [Fact]
    public void The_highest_epoch_wins_when_several_threads_learn()
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = 4 };
        Parallel.For(1, 10_000, options, epoch => _table.Update(Shard, new KnownHolder(A, epoch, Data)));
        Assert.Equal(9_999, _table[Shard].Epoch);
    }

    [Fact]
    public void What_is_of_other_data_is_not_entered()
    {
        Assert.False(_table.Update(Shard, new KnownHolder(A, 1, Other)));
        Assert.Null(_table[Shard].Node);
    }

    [Fact]
    public void OneHolder_other_data_replaces_everything_also_by_lower_epochs()
    {
        _table.Update(Shard, new KnownHolder(B, 7, Data));
        _table.Update(new Shard(6), new KnownHolder(B, 7, Data));
        var version = _table.Version;

        _table.Reset(Other, [new ShardHolder(Shard, A, 3)]);

        Assert.Equal(new KnownHolder(A, 3, Other), _table[Shard]);
        Assert.Equal(new KnownHolder(null, 0, Other), _table[new Shard(6)]);
        Assert.NotEqual(version, _table.Version);
        Assert.False(_table.Update(Shard, new KnownHolder(B, 8, Data)));
    }
}
