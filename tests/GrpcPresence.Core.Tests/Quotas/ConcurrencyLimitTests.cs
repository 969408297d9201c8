using GrpcPresence.Core.Quotas;

namespace GrpcPresence.Core.Tests.Quotas;

public sealed class ConcurrencyLimitTests
{
    [Fact]
    public void The_limit_can_be_reached_and_a_removal_makes_room()
    {
        var quota = new ConcurrencyLimit(10);
        Assert.True(quota.TryAdd(7));
        Assert.False(quota.TryAdd(4));
        Assert.True(quota.TryAdd(3));
        Assert.False(quota.TryAdd(1));
        Assert.True(quota.TryAdd(0));

        quota.Remove(7);
        Assert.Equal(3, quota.Level);
        Assert.True(quota.TryAdd(7));
    }

    [Fact]
    public void The_greatest_limit_does_not_overflow()
    {
        var quota = new ConcurrencyLimit(int.MaxValue);
        Assert.True(quota.TryAdd(int.MaxValue));
        Assert.False(quota.TryAdd(1));
    }

    [Fact]
    public async Task Many_threads_never_add_more_than_the_limit()
    {
        const int Threads = 2;
        const int Rounds = 2000;
        var quotas = Enumerable.Range(0, Rounds * 32).Select(_ => new ConcurrencyLimit(1)).ToArray();
        using var together = new Barrier(Threads);

        var added = await Task.WhenAll(Enumerable.Range(0, Threads).Select(_ => Task.Factory.StartNew(
            () =>
            {
                var sum = 0;
                foreach (var some in quotas.Chunk(32))
                {
                    together.SignalAndWait(TestContext.Current.CancellationToken);
                    sum += some.Count(quota => quota.TryAdd(1));
                }
                return sum;
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));

        Assert.Equal(quotas.Length, added.Sum());
        Assert.All(quotas, quota => Assert.Equal(1, quota.Level));
    }
}
