using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Shards;

public sealed class ShardTableTests
{
    private static readonly Shard Shard = new(5);
    private static readonly NodeId A = new("a", 1);
    private static readonly NodeId B = new("b", 1);

    private readonly ShardTable _table = new();

    [Fact]
    public void A_shard_has_no_holder_at_first() => Assert.Equal(new KnownHolder(null, 0), _table[Shard]);

    [Fact]
    public void A_higher_epoch_replaces_the_holder_of_one_shard()
    {
        Assert.True(_table.Learn(Shard, new KnownHolder(A, 1)));
        Assert.True(_table.Learn(Shard, new KnownHolder(B, 3)));
        Assert.Equal(new KnownHolder(B, 3), _table[Shard]);
        Assert.Null(_table[new Shard(6)].Node);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(2)]
    public void News_that_is_late_or_repeated_changes_nothing(long epoch)
    {
        _table.Learn(Shard, new KnownHolder(A, 3));
        Assert.False(_table.Learn(Shard, new KnownHolder(B, epoch)));
        Assert.Equal(new KnownHolder(A, 3), _table[Shard]);
    }

    [Fact]
    public void The_highest_epoch_wins_when_several_threads_learn()
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = 4 };
        Parallel.For(1, 10_000, options, epoch => _table.Learn(Shard, new KnownHolder(A, epoch)));
        Assert.Equal(9_999, _table[Shard].Epoch);
    }
}
