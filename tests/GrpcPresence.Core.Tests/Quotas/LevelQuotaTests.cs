using GrpcPresence.Core.Quotas;

namespace GrpcPresence.Core.Tests.Quotas;

public sealed class LevelQuotaTests
{
    [Fact]
    public void As_many_as_the_limit_there_may_be_and_what_is_removed_makes_room()
    {
        var quota = new LevelQuota(10);
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
        var quota = new LevelQuota(int.MaxValue);
        Assert.True(quota.TryAdd(int.MaxValue));
        Assert.False(quota.TryAdd(1));
    }

    [Fact]
    public async Task Many_threads_never_add_more_than_the_limit()
    {
        const int Threads = 4;
        var quota = new LevelQuota(3);
        var most = 0;
        using var together = new Barrier(Threads);

        await Task.WhenAll(Enumerable.Range(0, Threads).Select(_ => Task.Factory.StartNew(
            () =>
            {
                together.SignalAndWait(TestContext.Current.CancellationToken);
                for (var round = 0; round < 20_000; round++)
                {
                    if (!quota.TryAdd(1))
                        continue;
                    var level = quota.Level;
                    if (level > 3)
                        Volatile.Write(ref most, level);
                    quota.Remove(1);
                }
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));

        Assert.Equal((0, 0), (most, quota.Level));
    }
}
