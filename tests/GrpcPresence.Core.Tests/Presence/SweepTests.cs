using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tests.Presence.Fixture;
using GrpcPresence.Core.Writing.Commands;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence;

/// <summary>Many leases that end at the same time.</summary>
public sealed class SweepTests : IDisposable
{
    private readonly PresenceWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_tick_comes_to_an_end_though_more_is_not_due_yet_than_one_hold_of_a_lock_takes()
    {
        // All leases end within one slot, and after a tick that goes through it. Each part needs a different number of holds. The numbers
        // have no common divisor, so that parts that start again when they are done are almost never done together.
        int[] holds = [5, 7, 9, 11, 13, 16, 17];
        var left = holds.Select(count => (count - 1) * TrackerPart.UsersPerHold + 1).ToArray();
        _world.Pass(Limits.Tick);
        _world.Time.Advance(Limits.Tick / 2);
        for (var number = 0; left.Any(count => count > 0); number++)
        {
            var user = Identity.FromTrusted($"user-{number}");
            var part = UserTable.HashOf(_world.Service.Id, user) & ((1 << PresenceTracker.PartBits) - 1);
            if (part < left.Length && left[part]-- > 0)
                _world.Beat(user, Phone);
        }
        _world.Time.Advance(Limits.Tick / 2);
        _world.Tracker.Tick();

        var passing = Task.Run(() => _world.Pass(SessionTimeout), TestContext.Current.CancellationToken);

        var timeout = Task.Delay(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        Assert.True(await Task.WhenAny(passing, timeout) == passing, "a tick does not finish");
        Assert.Equal(0, _world.Tracker.LiveSessions);
    }

    [Fact]
    public void More_expiries_than_one_hold_of_a_lock_takes_all_end_in_one_tick()
    {
        const int users = 64 * TrackerPart.UsersPerHold * 2;
        for (var number = 0; number < users; number++)
            _world.Beat(Identity.FromTrusted($"user-{number}"), Phone);
        _world.Write();

        _world.Pass(SessionTimeout - Limits.Tick);
        Assert.Equal(users, _world.Tracker.LiveSessions);
        _world.Pass(Limits.Tick);

        Assert.Equal(0, _world.Tracker.LiveSessions);
        Assert.Equal(users, _world.Queue.Count);
    }

    [Fact]
    public void A_million_expiries_hold_up_neither_heartbeats_nor_the_changes_of_callers()
    {
        const int Users = 1_000_000;
        for (var number = 1; number <= Users; number++)
        {
            _world.Tracker.Recover(
                _world.Service,
                new StoredOnlineUser(
                    number, _world.Service.Sid, new UserSid((UInt128)number), Identity.FromTrusted($"user-{number}"), TimeSpan.Zero));
        }
        _world.Tracker.Start();
        _world.Pass(SessionTimeout - Limits.Tick);
        var (queued, holds) = (0, 0);
        // The sweep records measurements outside the locks. So whenever more users are offline, a heartbeat could arrive in between. This
        // listener sends one.
        using var listener = _world.Meters.Listen<double>("presence.lease.lateness", (_, _) =>
        {
            var offline = _world.Queue.Count - queued;
            if (offline == 0)
                return;
            Assert.InRange(offline, 1, TrackerPart.UsersPerHold);
            Assert.Null(_world.Beat(Alice, Session($"{holds++ % Limits.SessionsPerUser}")).Rejection);
            queued = _world.Queue.Count;
        });
        _world.Pass(Limits.Tick);
        Assert.Equal(Users + 1, queued);
        Assert.InRange(holds, Users / TrackerPart.UsersPerHold, Users);

        // All of the transitions must be written now. A caller that arrives meanwhile is in the next batch.
        var created = _world.Queue.SubmitAsync(new CreateUser(_world.Service.Sid, Bob, "", "{}", default));
        _world.Writer.WriteOnce();
        Assert.True(created.IsCompletedSuccessfully, "the caller waits for the sweep");
    }
}
