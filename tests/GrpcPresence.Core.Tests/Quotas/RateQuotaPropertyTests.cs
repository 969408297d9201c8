using FsCheck;
using FsCheck.Fluent;
using GrpcPresence.Core.Quotas;

namespace GrpcPresence.Core.Tests.Quotas;

/// <summary>Whatever is asked for and whenever: no more than the rate allows is granted, and what a refusal says of the time is true.</summary>
public sealed class RateQuotaPropertyTests
{
    private static readonly Gen<Ask[]> Asks = Gen.ArrayOf(
        from pause in Gen.Frequency((3, Gen.Constant(0)), (3, Gen.Choose(0, 1000)), (2, Gen.Choose(0, 20_000_000)))
        from count in Gen.Frequency((3, Gen.Constant(1)), (2, Gen.Choose(1, 1000)))
        from kind in Gen.Choose(0, 2)
        select new Ask(pause, count, (AskKind)kind));

    private static readonly Gen<(int PerSecond, long Frequency, Ask[] Asks)> Runs =
        from rate in Gen.Frequency((3, Gen.Choose(1, 100)), (2, Gen.Choose(100, 300_000)))
        from frequency in Gen.Elements(10_000_000L, 1_000_000_000L, 3_579_545L, 1_000L)
        from asks in Asks
        select (rate, frequency, asks);

    private enum AskKind
    {
        All,
        Some,
        AllAndBack,
    }

    [Fact]
    public void Never_more_than_a_burst_and_what_its_time_allows_is_granted_in_any_window() => Hold(run =>
    {
        var limit = new RateLimit(run.PerSecond, run.Frequency);
        var quota = new RateQuota(limit);
        var granted = new List<(long At, int Count)>();
        var now = 0L;
        foreach (var (pause, count, kind) in run.Asks)
        {
            now += pause;
            var asked = Math.Min(count, limit.Burst); // more goes into debt, which a window that begins with it would show
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
                // sum <= burst + rate × time, in whole numbers.
                var allowed = ((Int128)limit.Burst * run.Frequency) + ((Int128)run.PerSecond * (at - granted[first].At));
                if ((Int128)sum * run.Frequency > allowed)
                    return false;
            }
        }
        return true;
    });

    [Fact]
    public void After_the_time_that_a_refusal_names_the_same_is_granted_and_not_before() => Hold(run =>
    {
        var quota = new RateQuota(new RateLimit(run.PerSecond, run.Frequency));
        var now = 0L;
        foreach (var (pause, count, _) in run.Asks)
        {
            now += pause;
            if (quota.TryTake(count, now, out var retryAfter))
                continue;
            var wait = (long)((Int128)retryAfter.Ticks * run.Frequency / TimeSpan.TicksPerSecond);
            // A clock that is finer than 100 ns, or no multiple of it, is rounded up by up to one such step.
            var step = (run.Frequency / TimeSpan.TicksPerSecond) + 1;
            if (quota.TryTake(count, now + wait - step - 1, out _))
                return false;
            now += wait + 1;
            if (!quota.TryTake(count, now, out _))
                return false;
        }
        return true;
    });

    private static void Hold(Func<(int PerSecond, long Frequency, Ask[] Asks), bool> property) =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(500).WithEndSize(120), Prop.ForAll(Arb.From(Runs), property));

    private readonly record struct Ask(int Pause, int Count, AskKind Kind);
}
