using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Tests.Fixture;

namespace GrpcPresence.Core.Tests.Quotas;

/// <summary>
/// Tests random requests at random times: the bucket grants no more than the rate allows, and the retry delay of a rejection is correct.
/// </summary>
[Properties(MaxTest = 500, EndSize = 120, QuietOnSuccess = true, Arbitrary = [typeof(Runs)])]
public sealed class TokenBucketPropertyTests
{
    [Property]
    public bool Never_more_than_a_burst_and_what_its_time_allows_is_granted_in_any_window(Rate rate, Ask[] asks)
    {
        var limit = new TokenBucketOptions(rate.PerSecond, rate.Frequency);
        var quota = new TokenBucket(limit);
        var granted = new List<(long At, int Count)>();
        var now = 0L;
        foreach (var (pause, count, kind) in asks)
        {
            now += pause;
            var asked = Math.Min(count, limit.Burst); // a larger request goes into debt and breaks the bound
            if (kind == AskKind.Some)
            {
                granted.Add((now, quota.Take(asked, now)));
            }
            else if (quota.TryTake(asked, now, out _))
            {
                if (kind == AskKind.AllAndBack)
                    quota.GiveBack(asked);
                else
                    granted.Add((now, asked));
            }
        }
        for (var first = 0; first < granted.Count; first++)
        {
            var sum = 0L;
            foreach (var (at, count) in granted.Skip(first))
            {
                sum += count;
                // Checks sum <= burst + rate × time, in whole numbers.
                var allowed = ((Int128)limit.Burst * rate.Frequency) + ((Int128)rate.PerSecond * (at - granted[first].At));
                if ((Int128)sum * rate.Frequency > allowed)
                    return false;
            }
        }
        return true;
    }

    [Property]
    public bool The_same_call_is_granted_after_the_time_that_its_rejection_names_and_not_before(Rate rate, Ask[] asks)
    {
        var quota = new TokenBucket(new TokenBucketOptions(rate.PerSecond, rate.Frequency));
        var now = 0L;
        foreach (var (pause, count, _) in asks)
        {
            now += pause;
            if (quota.TryTake(count, now, out var retryAfter))
                continue;
            var wait = (long)((Int128)retryAfter.Ticks * rate.Frequency / TimeSpan.TicksPerSecond);
            // With a clock that does not tick in multiples of 100 ns, the delay is rounded up by at most one step of 100 ns.
            var step = (rate.Frequency / TimeSpan.TicksPerSecond) + 1;
            if (quota.TryTake(count, now + wait - step - 1, out _))
                return false;
            now += wait + 1;
            if (!quota.TryTake(count, now, out _))
                return false;
        }
        return true;
    }

    public enum AskKind
    {
        All,
        Some,
        AllAndBack,
    }

    public readonly record struct Rate(int PerSecond, long Frequency);

    public readonly record struct Ask(int Pause, int Count, AskKind Kind);

    private static class Runs
    {
        public static Arbitrary<Rate> Rates() => (
            from rate in Gen.Frequency((3, Gen.Choose(1, 100)), (2, Gen.Choose(100, 300_000)))
            from frequency in Gen.Elements(10_000_000L, 1_000_000_000L, 3_579_545L, 1_000L)
            select new Rate(rate, frequency)).ToArbitrary();

        public static Arbitrary<Ask[]> Asks() => History.Of(Gen.ArrayOf(
            from pause in Gen.Frequency((3, Gen.Constant(0)), (3, Gen.Choose(0, 1000)), (2, Gen.Choose(0, 20_000_000)))
            from count in Gen.Frequency((3, Gen.Constant(1)), (2, Gen.Choose(1, 1000)))
            from kind in Gen.Choose(0, 2)
            select new Ask(pause, count, (AskKind)kind)));
    }
}
