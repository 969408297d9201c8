using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Telemetry;

namespace GrpcPresence.Core.Tests.Quotas;

/// <summary>Tests that the sweep drops idle counters, and that no caller gains quota by it.</summary>
public sealed class CounterSweepTests : IDisposable
{
    private readonly QuotaWorld _world = new();

    private QuotaLimiter Limiter => _world.Limiter;

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Counters_are_dropped_when_their_quotas_are_full()
    {
        Limiter.TryChargeHeartbeat(_world.Service, _world.User("ada"), out _);
        Limiter.TryChargeWrite(_world.Service, _world.User("ada"), out _);
        Limiter.TryChargeNewStream(_world.Service, _world.User("ada"), out _);
        _ = Limiter.OfApiKey("never used");

        Assert.Equal(1, Limiter.Sweep());
        Assert.Equal(2, Limiter.CounterCount);
        _world.Time.Advance(TimeSpan.FromMilliseconds(99)); // one of ten streams a second returns after 100 ms
        Assert.Equal(1, Limiter.Sweep());
        _world.Time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, Limiter.Sweep());
        Assert.Equal(0, Limiter.CounterCount);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Counters_with_an_open_watch_stay_until_the_watch_ends(int watchedUsers)
    {
        Assert.True(Limiter.TryOpenStream(_world.Service, _world.User("ada"), watchedUsers, out var lease, out _));
        _world.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(0, Limiter.Sweep());

        lease.Dispose();
        Assert.Equal(2, Limiter.Sweep());
    }

    [Fact]
    public async Task Counters_with_delayed_rejections_stay_until_those_are_sent()
    {
        for (var i = 0; i < Limits.PromptRejectionsPerSecond; i++)
            await Limiter.HoldRejectionAsync(_world.User("ada"), TestContext.Current.CancellationToken);
        Assert.Equal(0, Limiter.Sweep());
        _world.Time.Advance(TimeSpan.FromMilliseconds(10)); // half the time after which one of fifty a second returns
        var held = Limiter.HoldRejectionAsync(_world.User("ada"), TestContext.Current.CancellationToken).AsTask();
        _world.Time.Advance(Limits.RejectionDelay - TimeSpan.FromTicks(1));
        Assert.Equal(0, Limiter.Sweep());

        _world.Time.Advance(Limits.MaxRejectionDelay - Limits.RejectionDelay + TimeSpan.FromTicks(1));
        await held;
        Assert.Equal(1, Limiter.Sweep());
    }

    [Fact]
    public void A_charge_to_dropped_counters_goes_to_their_replacement()
    {
        var (service, ada) = (_world.Service, _world.User("ada"));
        Assert.Equal(2, Limiter.Sweep());

        Assert.Equal(12, _world.Heartbeats(service, ada));
        Assert.Equal(0, _world.Heartbeats(_world.Service, _world.User("ada")));
        Assert.Equal(0, Limiter.ChargeHeartbeats(service, ada, 5));
        Assert.Equal(28, Limiter.ChargeHeartbeats(service, caller: null, 1000));
    }

    [Fact]
    public void A_watch_opened_with_dropped_counters_counts_in_their_replacement()
    {
        var (service, ada) = (_world.Service, _world.User("ada"));
        Assert.Equal(2, Limiter.Sweep());

        Assert.True(Limiter.TryOpenStream(service, ada, watchedUsers: 5, out var lease, out _));
        Assert.Equal((1, 5), (_world.User("ada").OpenStreams.Level, _world.User("ada").WatchedUsers.Level));
        Assert.Equal((1, 5), (_world.Service.OpenStreams.Level, _world.Service.WatchedUsers.Level));
        lease.Dispose();
        Assert.Equal(2, Limiter.Sweep());
    }

    [Fact]
    public void Counters_charged_just_before_they_would_be_dropped_stay()
    {
        var time = new LookedAtTime();
        using var metrics = new PresenceMetrics();
        var limiter = new QuotaLimiter(QuotaWorld.OfService, QuotaWorld.OfKey, QuotaWorld.OfUser, metrics, time);
        var counters = limiter.OfApiKey("k");
        // The sweep reads the clock when it starts, and again after it has chosen the counters to drop.
        time.Looked = () => time.Looked = () => counters.Writes.Take(1, now: 0);

        Assert.Equal(0, limiter.Sweep());
        Assert.True(counters.IsLive);
        Assert.Same(counters, limiter.OfApiKey("k"));
    }

    [Fact]
    public async Task Concurrent_charges_and_sweeps_grant_no_more_than_the_quota()
    {
        const int Takers = 2;
        const int Rounds = 1000;
        const int Users = 64;
        var granted = new int[Rounds * Users];
        var running = Takers;
        using var together = new Barrier(Takers, _ => _world.Time.Advance(TimeSpan.FromSeconds(2)));
        var takers = Enumerable.Range(0, Takers).Select(_ => RunAsync(() =>
        {
            for (var round = 0; round < Rounds; round++)
            {
                together.SignalAndWait(TestContext.Current.CancellationToken);
                // Each user occurs in one round only, and the clock stands still during a round. So a counter that the sweep finds idle
                // was not charged yet.
                for (var user = round * Users; user < (round + 1) * Users; user++)
                    Interlocked.Add(ref granted[user], Take(Limiter.OfServiceInstance(user), _world.User($"user {user}"), 7));
            }
            Interlocked.Decrement(ref running);
        }));
        var sweeping = RunAsync(() =>
        {
            while (Volatile.Read(ref running) > 0)
                Limiter.Sweep();
        });

        await Task.WhenAll([.. takers, sweeping]);
        Assert.Equal([12], granted.Distinct());
    }

    private int Take(UsageCounters service, UsageCounters user, int count)
    {
        var taken = 0;
        for (var i = 0; i < count; i++)
            taken += Limiter.TryChargeHeartbeat(service, user, out _) ? 1 : 0;
        return taken;
    }

    private static Task RunAsync(Action act) => Task.Factory.StartNew(
        act, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>A clock that stands still, and runs an action whenever the limiter reads it.</summary>
    private sealed class LookedAtTime : TimeProvider
    {
        public Action? Looked { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp()
        {
            Looked?.Invoke();
            return 0;
        }
    }
}
