using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Tests.Fixture;

namespace GrpcPresence.Core.Tests.Quotas;

/// <summary>Tests a token bucket whose limit changes: tokens are neither added nor charged again.</summary>
[Properties(MaxTest = 500, EndSize = 100, QuietOnSuccess = true, Arbitrary = [typeof(Runs)])]
public sealed class TokenBucketLimitTests
{
    private const long Second = 10_000_000;

    [Fact]
    public void A_greater_limit_adds_no_tokens_and_makes_the_bucket_fill_faster()
    {
        var bucket = new TokenBucket(Of(20));
        Assert.Equal(15, bucket.Take(15, now: 0));

        bucket.SetLimit(Of(100), now: 0);

        Assert.Equal(5, bucket.Take(1000, now: 0));
        Assert.Equal(10, bucket.Take(1000, now: Second / 10));
        Assert.Equal(100, bucket.Take(1000, now: 10 * Second));
    }

    [Fact]
    public void A_smaller_limit_leaves_at_most_its_burst()
    {
        var bucket = new TokenBucket(Of(100));

        bucket.SetLimit(Of(20), now: 0);

        Assert.Equal(20, bucket.Take(1000, now: 0));
        Assert.Equal(2, bucket.Take(1000, now: Second / 10));
    }

    [Fact]
    public void A_debt_stays_the_same_number_of_tokens()
    {
        var bucket = new TokenBucket(Of(100));
        bucket.Spend(150, now: 0);
        Assert.Equal(50, bucket.DebtAt(now: 0));

        bucket.SetLimit(Of(20), now: 0);

        Assert.Equal(50, bucket.DebtAt(now: 0));
        Assert.Equal(30, bucket.DebtAt(now: Second));
        Assert.Equal(0, bucket.DebtAt(now: 3 * Second));
    }

    [Fact]
    public void Threads_that_take_tokens_while_the_limit_changes_get_no_more_than_there_were()
    {
        var bucket = new TokenBucket(Of(5000));
        var limits = new[] { Of(6000), Of(5000) };
        var (taken, running) = (0, 3);
        using var begin = new Barrier(4);

        Parallel.Invoke(Take, Take, Take, () =>
        {
            begin.SignalAndWait();
            for (var change = 0; change % 2 == 1 || Volatile.Read(ref running) > 0; change++)
                bucket.SetLimit(limits[change % 2], now: 0); // no time passes
        });

        taken += bucket.Take(5000, now: 0);
        Assert.InRange(taken, 1, 5000); // each change may round a fraction of a token down

        void Take()
        {
            begin.SignalAndWait();
            var got = 0;
            for (var attempt = 0; attempt < 200_000; attempt++) // most of them while the bucket is empty
                got += bucket.Take(1, now: 0);
            Interlocked.Add(ref taken, got);
            Interlocked.Decrement(ref running);
        }
    }

    [Fact]
    public void A_low_rate_brings_its_tokens_although_the_limit_changes_all_the_time()
    {
        var bucket = new TokenBucket(Of(1));
        bucket.Spend(10, now: 0);
        for (var tenth = 1; tenth <= 40; tenth++)
            bucket.SetLimit(Of(1 + (tenth % 2)), now: tenth * Second / 10);

        Assert.Equal(6, bucket.Take(10, now: 4 * Second)); // one and a half a second
    }

    [Property]
    public bool Never_more_is_granted_than_the_first_burst_and_what_each_limit_brings_in_its_time(Act[] acts)
    {
        var (limit, rate) = (Of(50), 50);
        var bucket = new TokenBucket(limit);
        var (now, granted) = (0L, 0L);
        var allowed = (Int128)limit.Burst * Second;
        foreach (var act in acts)
        {
            now += act.Pause;
            allowed += (Int128)rate * act.Pause;
            if (act.Rate is { } next)
            {
                rate = next;
                bucket.SetLimit(Of(next), now);
            }
            granted += bucket.Take(act.Count, now);
            if ((Int128)granted * Second > allowed)
                return false;
        }
        return true;
    }

    public readonly record struct Act(int Pause, int Count, int? Rate);

    private static TokenBucketOptions Of(int perSecond) => new(perSecond, Second);

    private static class Runs
    {
        public static Arbitrary<Act[]> Acts() => History.Of(Gen.ArrayOf(
            from pause in Gen.Frequency((2, Gen.Constant(0)), (3, Gen.Choose(0, 1_000_000)), (2, Gen.Choose(0, 50_000_000)))
            from count in Gen.Choose(1, 200)
            from rate in Gen.Frequency((2, Gen.Constant<int?>(null)), (1, Gen.Choose(1, 500).Select(rate => (int?)rate)))
            select new Act(pause, count, rate)));
    }
}
