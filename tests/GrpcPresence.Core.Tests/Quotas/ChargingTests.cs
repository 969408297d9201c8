using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Quotas;

namespace GrpcPresence.Core.Tests.Quotas;

/// <summary>Tests that the limiter charges a service instance and a caller together.</summary>
public sealed class ChargingTests : IDisposable
{
    private readonly QuotaWorld _world = new();

    private QuotaLimiter Limiter => _world.Limiter;

    public void Dispose() => _world.Dispose();

    [Fact]
    public void A_caller_that_has_used_up_its_quota_takes_nothing_from_other_callers()
    {
        Assert.Equal(12, _world.Heartbeats(_world.Service, _world.User("ada")));
        for (var i = 0; i < 100; i++)
            Assert.False(Limiter.TryChargeHeartbeat(_world.Service, _world.User("ada"), out _));

        Assert.Equal(12, _world.Heartbeats(_world.Service, _world.User("bob")));
        Assert.Equal(40 - 24, _world.Heartbeats(_world.Service, caller: null));
    }

    [Fact]
    public void The_caller_gets_back_what_the_service_instance_rejects()
    {
        Assert.Equal(40, _world.Heartbeats(_world.Service, caller: null));
        Assert.Equal(0, _world.Heartbeats(_world.Service, _world.User("ada")));

        Assert.Equal(12, _world.Heartbeats(Limiter.OfServiceInstance(2), _world.User("ada")));
    }

    [Theory]
    [InlineData(Quota.HeartbeatsPerSecond, 40)]
    [InlineData(Quota.WritesPerSecond, 30)]
    [InlineData(Quota.NewStreamsPerSecond, 20)]
    public void Each_rate_has_its_own_quota_which_the_error_names(Quota rate, int limit)
    {
        for (var i = 0; i < limit; i++)
            Assert.True(TryCharge(rate, caller: null, out _));

        Assert.False(TryCharge(rate, caller: null, out var rejection));
        Assert.Equal(ErrorReason.QuotaExceeded, rejection!.Reason);
        Assert.Equal(
            new Dictionary<string, string> { ["quota"] = QuotaNames.Of(rate), ["subject"] = "service_instance", ["limit"] = $"{limit}" },
            rejection.Details);
        Assert.All(Rates.Where(other => other != rate), other => Assert.True(TryCharge(other, caller: null, out _)));
    }

    [Fact]
    public void An_error_for_the_callers_own_quota_says_so_and_has_a_retry_delay()
    {
        _world.Heartbeats(_world.Service, _world.User("ada"));
        Assert.False(Limiter.TryChargeHeartbeat(_world.Service, _world.User("ada"), out var rejection));

        Assert.Equal(("caller", "12"), (rejection.Details["subject"], rejection.Details["limit"]));
        Assert.Equal(Limits.MinQuotaRetry, rejection.RetryAfter); // the bucket refills after a twelfth of a second, which is less
        _world.Time.Advance(Limits.MinQuotaRetry);
        Assert.True(Limiter.TryChargeHeartbeat(_world.Service, _world.User("ada"), out _));
    }

    [Fact]
    public void A_message_of_many_heartbeats_is_charged_up_to_the_smaller_of_both_quotas()
    {
        Assert.Equal(12, Limiter.ChargeHeartbeats(_world.Service, _world.User("ada"), 1000));
        Assert.Equal(0, Limiter.ChargeHeartbeats(_world.Service, _world.User("ada"), 1000));
        Assert.Equal(28, Limiter.ChargeHeartbeats(_world.Service, Limiter.OfApiKey("k"), 1000));

        // The limiter returns to the key what exceeded the quota of the service instance.
        Assert.Equal(7, Limiter.ChargeHeartbeats(Limiter.OfServiceInstance(2), Limiter.OfApiKey("k"), 1000));
        Assert.Equal(33, Limiter.ChargeHeartbeats(Limiter.OfServiceInstance(2), caller: null, 1000));
    }

    [Fact]
    public void Callers_of_different_kinds_have_separate_quotas()
    {
        UsageCounters[] counters =
        [
            Limiter.OfServiceInstance(1), Limiter.OfServiceInstance(2), Limiter.OfApiKey("1"), Limiter.OfApiKey("ada"), _world.User("ada"),
            _world.User("ada", service: 2), _world.User("bob"),
        ];

        Assert.Equal(counters.Length, counters.Distinct().Count());
        Assert.Same(_world.User("ada"), _world.User("ada"));
        Assert.Equal(35, _world.Heartbeats(_world.Service, Limiter.OfApiKey("ada")));
    }

    [Fact]
    public void A_heartbeat_that_is_charged_allocates_nothing()
    {
        var (service, caller) = (_world.Service, _world.User("ada"));
        Assert.True(Limiter.TryChargeHeartbeat(service, caller, out _)); // JIT compilation and other one-time allocations
        Assert.Equal(1, Limiter.ChargeHeartbeats(service, caller, 1));

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 5; i++)
        {
            Limiter.TryChargeHeartbeat(service, caller, out _);
            Limiter.ChargeHeartbeats(service, caller, 1);
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Rejections_are_counted_by_quota_without_naming_a_caller()
    {
        var counts = new Dictionary<string, long>();
        using var listener = _world.Meters.Listen<long>(
            "presence.quota.refusals", (value, quota) => counts[quota] = counts.GetValueOrDefault(quota) + value);
        _world.Heartbeats(_world.Service, _world.User("ada"));
        Limiter.ChargeHeartbeats(_world.Service, _world.User("ada"), 1000);
        Limiter.TryOpenStream(_world.Service, _world.User("ada"), watchedUsers: 51, out _, out _);

        Assert.Equal(new Dictionary<string, long> { ["heartbeats_per_second"] = 1001, ["watched_users"] = 1 }, counts);
    }

    private static Quota[] Rates => [Quota.HeartbeatsPerSecond, Quota.WritesPerSecond, Quota.NewStreamsPerSecond];

    private bool TryCharge(Quota rate, UsageCounters? caller, out PresenceException? rejection) => rate switch
    {
        Quota.HeartbeatsPerSecond => Limiter.TryChargeHeartbeat(_world.Service, caller, out rejection),
        Quota.WritesPerSecond => Limiter.TryChargeWrite(_world.Service, caller, out rejection),
        _ => Limiter.TryChargeNewStream(_world.Service, caller, out rejection),
    };
}
