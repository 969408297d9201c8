using GrpcPresence.Core.Quotas;

namespace GrpcPresence.Core.Tests.Quotas;

/// <summary>How a limit is shared.</summary>
public sealed class FairShareLimitTests
{
    [Fact]
    public void A_key_alone_gets_its_own_limit_and_not_more()
    {
        var limit = new FairShareLimit<string>(total: 512, perKey: 64);

        Assert.Equal(64, TakeAll(limit, "a"));
        Assert.Equal(FairShareOutcome.KeyLimitReached, limit.TryAcquire("a"));
    }

    [Theory]
    [InlineData(512, 64, 63, 4)]
    [InlineData(1000, 50, 63, 7)]
    [InlineData(128, 2, 63, 1)]
    [InlineData(50, 64, 24, 1)]
    public void Keys_that_take_all_they_can_leave_the_guaranteed_share_to_another(int total, int perKey, int hostile, int share)
    {
        var limit = new FairShareLimit<string>(total, perKey);
        for (var i = 0; i < hostile; i++)
            TakeAll(limit, $"hostile {i}");

        Assert.InRange(TakeAll(limit, "another"), share, int.MaxValue);
    }

    [Fact]
    public void Several_keys_divide_what_exceeds_the_guaranteed_shares()
    {
        var limit = new FairShareLimit<string>(total: 512, perKey: 512);
        var keys = new[] { "a", "b", "c" };
        var held = keys.ToDictionary(key => key, key => TakeAll(limit, key));
        Assert.True(held["a"] > held["c"]);

        // The keys release and acquire all they hold, as requests that time out and come again.
        for (var round = 0; round < 1000; round++)
        {
            foreach (var key in keys.Where(key => held[key] > 0))
            {
                limit.Release(key);
                held[key]--;
            }
            foreach (var key in keys)
                held[key] += TakeAll(limit, key);
        }

        Assert.InRange(held.Values.Max() - held.Values.Min(), 0, 2);
    }

    [Fact]
    public void All_keys_together_hold_the_total_at_most()
    {
        var limit = new FairShareLimit<int>(total: 10, perKey: 5);

        var acquired = Enumerable.Range(0, 1000).Count(key => limit.TryAcquire(key) == FairShareOutcome.Acquired);

        Assert.Equal((10, 10), (acquired, limit.Level));
        Assert.Equal(FairShareOutcome.ShareReached, limit.TryAcquire(1001));
    }

    [Fact]
    public void A_released_unit_can_be_acquired_again()
    {
        var limit = new FairShareLimit<string>(total: 1, perKey: 1);
        Assert.Equal(FairShareOutcome.Acquired, limit.TryAcquire("a"));

        limit.Release("a");

        Assert.Equal(0, limit.Level);
        Assert.Equal(FairShareOutcome.Acquired, limit.TryAcquire("b"));
    }

    private static int TakeAll(FairShareLimit<string> limit, string key)
    {
        var taken = 0;
        while (limit.TryAcquire(key) == FairShareOutcome.Acquired)
            taken++;
        return taken;
    }
}
