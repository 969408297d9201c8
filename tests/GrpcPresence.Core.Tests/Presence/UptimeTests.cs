using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tests.Presence.Fixture;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence;

/// <summary>What the server knows about the time before a crash, and what crashes one after the other do to users.</summary>
public sealed class UptimeTests : IAsyncLifetime
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private PresenceWorld _world = null!;

    public async ValueTask InitializeAsync()
    {
        _world = new PresenceWorld();
        _world.Configure(before => before with { HeartbeatInterval = TimeSpan.FromSeconds(5), SessionTimeout = Timeout });
        await CrashAsync();
    }

    public ValueTask DisposeAsync()
    {
        _world.Dispose();
        return default;
    }

    [Fact]
    public async Task Crash_last_online_time_is_at_most_a_second_after_the_server_last_ran()
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.PassAndWrite(TimeSpan.FromSeconds(5));
        var crashed = _world.Time.GetUtcNow();

        await CrashAsync(stopped: TimeSpan.FromSeconds(40));
        _world.PassAndWrite(Timeout);

        Assert.False(_world.StoredOnline(Alice));
        Assert.InRange(LastOnlineTime(Alice)!.Value, crashed - TimeSpan.FromSeconds(2), crashed + TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task Crash_last_online_time_of_a_user_that_came_back_is_that_of_its_new_lease()
    {
        _world.BeatAndWrite(Alice, Phone);
        await CrashAsync(stopped: TimeSpan.FromSeconds(40));
        _world.PassAndWrite(TimeSpan.FromSeconds(1));
        _world.BeatAndWrite(Alice, Phone);
        _world.PassAndWrite(Timeout);

        Assert.False(_world.StoredOnline(Alice));
        Assert.Equal(_world.Time.GetUtcNow(), LastOnlineTime(Alice));
    }

    [Fact]
    public async Task Crash_a_loop_of_crashes_keeps_a_dead_user_online_for_an_hour_and_the_timeout_at_most()
    {
        _world.BeatAndWrite(Alice, Phone);
        var lived = TimeSpan.Zero;
        for (; _world.StoredOnline(Alice) == true; lived += TimeSpan.FromSeconds(6))
        {
            Assert.True(lived <= Limits.MaxUnseen + Timeout + TimeSpan.FromSeconds(6), "The user is still online.");
            _world.PassAndWrite(TimeSpan.FromSeconds(6));
            await CrashAsync(stopped: TimeSpan.FromSeconds(4));
            _world.PassAndWrite(Limits.Tick);
        }

        Assert.True(lived > Limits.AliveInterval, $"The user went offline after {lived}.");
        Assert.True(LastOnlineTime(Alice) < _world.Time.GetUtcNow() - Limits.MaxUnseen);
    }

    [Fact]
    public async Task Crash_a_loop_of_crashes_keeps_a_user_online_that_sends_heartbeats()
    {
        _world.BeatAndWrite(Alice, Phone);
        for (var lived = TimeSpan.Zero; lived < Limits.MaxUnseen * 2; lived += TimeSpan.FromSeconds(6))
        {
            _world.PassAndWrite(TimeSpan.FromSeconds(5));
            Assert.True(_world.StoredOnline(Alice));
            _world.BeatAndWrite(Alice, Phone);
            _world.PassAndWrite(TimeSpan.FromSeconds(1));
            await CrashAsync(stopped: TimeSpan.FromMinutes(5));
            Assert.True(_world.StoredOnline(Alice));
            _world.PassAndWrite(Limits.Tick);
            Assert.True(_world.StoredOnline(Alice));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task Crash_a_stepped_wall_clock_or_a_long_stop_ends_no_grace(int hours)
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.Time.StepWallClock(TimeSpan.FromHours(2 * hours));
        _world.PassAndWrite(TimeSpan.FromSeconds(2));

        await CrashAsync(stopped: TimeSpan.FromDays(2));
        _world.PassAndWrite(Timeout - Limits.Tick);
        Assert.True(_world.StoredOnline(Alice));
        _world.PassAndWrite(Limits.Tick);

        Assert.False(_world.StoredOnline(Alice));
        Assert.True(LastOnlineTime(Alice) <= _world.Time.GetUtcNow());
    }

    [Fact]
    public void A_user_that_stays_online_costs_about_one_write_an_hour()
    {
        _world.BeatAndWrite(Alice, Phone);
        var writes = new HashSet<TimeSpan>();
        for (var lived = TimeSpan.Zero; lived < TimeSpan.FromHours(10); lived += TimeSpan.FromSeconds(5))
        {
            _world.BeatAndWrite(Alice, Phone);
            _world.PassAndWrite(TimeSpan.FromSeconds(5));
            writes.Add(Stored(Alice).LastAlive);
        }

        Assert.InRange(writes.Count, 11, 12);
        Assert.Single(_world.Published);
    }

    [Fact]
    public void Users_that_came_online_together_are_marked_over_many_minutes()
    {
        const int Count = 200;
        for (var number = 0; number < Count; number++)
            _world.Beat(Identity.FromTrusted($"user {number}"), Phone);
        _world.Write();
        var marked = new Dictionary<int, int>(); // by minute
        for (var minute = 0; minute < 60; minute++)
        {
            var before = Enumerable.Range(0, Count).Select(number => Stored(Identity.FromTrusted($"user {number}")).LastAlive).ToList();
            for (var part = 0; part < 12; part++)
            {
                for (var number = 0; number < Count; number++)
                    _world.Beat(Identity.FromTrusted($"user {number}"), Phone);
                _world.PassAndWrite(TimeSpan.FromSeconds(5));
            }
            marked[minute] = before.Where((alive, number) => Stored(Identity.FromTrusted($"user {number}")).LastAlive != alive).Count();
        }

        Assert.Equal(Count, marked.Values.Sum());
        Assert.True(marked.Values.Max() <= Count / 6, $"{marked.Values.Max()} users were marked in one minute.");
    }

    [Fact]
    public void A_mark_that_cannot_be_stored_is_stored_later()
    {
        _world.BeatAndWrite(Alice, Phone);
        var first = Stored(Alice).LastAlive;
        for (var lived = TimeSpan.Zero; lived < TimeSpan.FromHours(2); lived += TimeSpan.FromSeconds(5))
        {
            _world.Store.Faults.FailAllOperations(fail: lived < TimeSpan.FromHours(1));
            _world.Beat(Alice, Phone);
            _world.PassAndWrite(TimeSpan.FromSeconds(5));
        }

        Assert.True(Stored(Alice).LastAlive > first + TimeSpan.FromHours(1));
    }

    [Fact]
    public void The_uptime_is_stored_once_a_second()
    {
        _world.PassAndWrite(TimeSpan.FromSeconds(10));
        var stored = _world.Store.Image.Uptime;
        _world.PassAndWrite(TimeSpan.FromSeconds(1));

        Assert.Equal(TimeSpan.FromSeconds(1), _world.Store.Image.Uptime.Total - stored.Total);
        Assert.Equal(_world.Time.GetUtcNow(), _world.Store.Image.Uptime.AliveTime);
    }

    private async Task CrashAsync(TimeSpan stopped = default)
    {
        var before = _world;
        _world = await before.RestartAsync(stopped);
        before.Crash();
    }

    private DateTimeOffset? LastOnlineTime(Identity user) => Stored(user).LastOnlineTime;

    private UserRecord Stored(Identity user) => _world.Store.Image.Get(_world.Service.Sid).FindUser(new UserKey(user))!;
}
