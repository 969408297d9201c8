using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Quotas;

namespace GrpcPresence.Core.Tests.Quotas;

/// <summary>Tests a token bucket. Each test passes the time as a number.</summary>
public sealed class TokenBucketTests
{
    private const long Second = 1_000_000_000; // in clock units: nanoseconds, as on Linux

    [Fact]
    public void The_quota_of_a_second_is_available_at_once_and_refills_evenly()
    {
        var quota = new TokenBucket(new TokenBucketOptions(20, Second));
        for (var i = 0; i < 20; i++)
            Assert.True(quota.TryTake(1, now: 0, out _));

        Assert.False(quota.TryTake(1, now: 0, out var retryAfter));
        Assert.Equal(TimeSpan.FromMilliseconds(50), retryAfter);
        Assert.False(quota.TryTake(1, (Second / 20) - 1, out _));
        Assert.True(quota.TryTake(1, Second / 20, out retryAfter));
        Assert.Equal(TimeSpan.Zero, retryAfter);
        Assert.False(quota.TryTake(1, Second / 20, out _));
    }

    [Fact]
    public void Even_a_low_rate_allows_some_requests_at_once()
    {
        var quota = new TokenBucket(new TokenBucketOptions(1, Second));

        Assert.Equal(Limits.MinBurst, quota.Take(100, now: 0));
        Assert.Equal(0, quota.Take(100, Second - 1));
        Assert.Equal(1, quota.Take(100, Second));
    }

    [Fact]
    public void A_pause_saves_up_one_burst_and_no_more()
    {
        var quota = new TokenBucket(new TokenBucketOptions(20, Second));
        Assert.Equal(20, quota.Take(50, now: 0));
        Assert.Equal(20, quota.Take(50, 3600 * Second));
        Assert.Equal(0, quota.Take(50, 3600 * Second));
    }

    [Fact]
    public void A_partial_request_is_granted_what_is_available()
    {
        var quota = new TokenBucket(new TokenBucketOptions(1000, Second));

        Assert.Equal(600, quota.Take(600, now: 0));
        Assert.Equal(400, quota.Take(600, now: 0));
        Assert.Equal(0, quota.Take(600, now: 0));
        Assert.Equal(250, quota.Take(600, Second / 4));
    }

    [Fact]
    public void A_full_bucket_grants_more_than_a_burst_and_later_requests_pay_the_debt()
    {
        var quota = new TokenBucket(new TokenBucketOptions(20, Second));
        Assert.True(quota.TryTake(1, now: 0, out _));
        Assert.False(quota.TryTake(60, now: 0, out var retryAfter));
        Assert.Equal(TimeSpan.FromMilliseconds(50), retryAfter);

        Assert.True(quota.TryTake(60, Second / 20, out _));

        Assert.False(quota.TryTake(1, Second / 20, out retryAfter));
        Assert.Equal(TimeSpan.FromMilliseconds(2050), retryAfter);
        Assert.Equal(0, quota.Take(1, 2 * Second));
    }

    [Fact]
    public void Returned_tokens_can_be_taken_again()
    {
        var quota = new TokenBucket(new TokenBucketOptions(20, Second));
        quota.Take(20, now: 0);
        Assert.False(quota.IsFull(now: 0));

        quota.GiveBack(5);
        Assert.Equal(5, quota.Take(20, now: 0));
        quota.GiveBack(20);
        Assert.True(quota.IsFull(now: 0));
    }

    [Fact]
    public void Tokens_returned_late_do_not_increase_the_burst()
    {
        var quota = new TokenBucket(new TokenBucketOptions(20, Second));
        quota.Take(20, now: 0);
        quota.GiveBack(20);

        Assert.Equal(20, quota.Take(100, 10 * Second));
    }

    [Fact]
    public void A_clock_that_goes_back_grants_nothing()
    {
        var quota = new TokenBucket(new TokenBucketOptions(20, Second));
        quota.Take(20, 10 * Second);

        Assert.Equal(0, quota.Take(1, 9 * Second));
        Assert.False(quota.TryTake(1, 9 * Second, out var retryAfter));
        Assert.Equal(TimeSpan.FromMilliseconds(1050), retryAfter);
    }

    [Fact]
    public void The_greatest_rate_does_not_limit_in_practice()
    {
        var quota = new TokenBucket(new TokenBucketOptions(int.MaxValue, Second));

        Assert.Equal(int.MaxValue, quota.Take(int.MaxValue, now: 0));
        for (var now = 10 * Second; now < (10 * Second) + 10_000; now++)
            Assert.True(quota.TryTake(1, now, out _));
    }

    [Fact]
    public async Task Many_threads_together_get_exactly_what_is_available()
    {
        const int Threads = 4;
        var quota = new TokenBucket(new TokenBucketOptions(50_000, Second));
        using var together = new Barrier(Threads);

        var granted = await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Factory.StartNew(
            () =>
            {
                together.SignalAndWait(TestContext.Current.CancellationToken);
                var taken = 0;
                for (var round = 0; round < 20_000; round++)
                    taken += thread % 2 == 0 ? quota.Take(1, now: 0) : quota.TryTake(1, now: 0, out _) ? 1 : 0;
                return taken;
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));

        Assert.Equal(50_000, granted.Sum());
    }
}
