using GrpcPresence.Client.Sessions;

namespace GrpcPresence.Client.Tests.Sessions;

/// <summary>Tests when which sessions beat.</summary>
public sealed class BeatScheduleTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(32);
    private static readonly TimeSpan Step = Interval / BeatSchedule.SlotCount;

    private readonly BeatSchedule _schedule = new(new Random(1), Interval);

    [Fact]
    public void Ten_thousand_sessions_beat_once_an_interval_and_evenly()
    {
        Add(10_000);

        for (var turn = 0; turn < 3; turn++)
        {
            var beaten = new HashSet<PresenceSession>();
            for (var step = 1; step <= BeatSchedule.SlotCount; step++)
            {
                _schedule.Turn((turn * Interval) + (step * Step));
                var taken = TakeAll();
                Assert.InRange(taken.Count, 100, 200); // the share is 156
                Assert.All(taken, session => Assert.True(beaten.Add(session)));
            }
            Assert.Equal(10_000, beaten.Count);
        }
    }

    [Fact]
    public void The_first_beat_after_the_start_comes_within_an_interval_whenever_a_session_joins()
    {
        _schedule.Turn(10 * Step);
        TakeAll();
        var session = Assert.Single(Add(1));

        _schedule.Turn((10 * Step) + Interval);

        Assert.Equal([session], TakeAll());
    }

    [Fact]
    public void Time_without_a_turn_makes_each_slot_due_once()
    {
        Add(640);

        _schedule.Turn(20 * Interval);

        Assert.Equal(640, TakeAll().Count);
        Assert.Empty(TakeAll());
        Assert.Equal(Step, _schedule.Turn(20 * Interval));
    }

    [Fact]
    public void A_session_that_is_alone_needs_one_wake_up_in_an_interval()
    {
        Add(1);
        _schedule.Turn(_schedule.Turn(TimeSpan.Zero));
        Assert.Single(TakeAll());

        var wakeUps = 0;
        for (var now = TimeSpan.Zero; now < 10 * Interval; now += _schedule.Turn(now))
            wakeUps++;

        Assert.InRange(wakeUps, 10, 12);
        Assert.Single(TakeAll());
    }

    [Fact]
    public void An_interval_that_becomes_shorter_after_a_long_sleep_makes_nothing_due_too_early()
    {
        var session = Assert.Single(Add(1));
        _schedule.SetInterval(Interval / 100, session.Slot * Step / 2);

        _schedule.Turn(session.Slot * Step / 2);

        Assert.Empty(TakeAll());
    }

    [Fact]
    public void A_shorter_interval_holds_for_the_present_turn()
    {
        Add(640);
        _schedule.SetInterval(Interval / 10, TimeSpan.Zero);

        _schedule.Turn(Interval / 10);

        Assert.Equal(640, TakeAll().Count);
    }

    [Fact]
    public void A_longer_interval_holds_after_one_more_turn_so_that_no_session_beats_later_than_its_lease_allows()
    {
        const int factor = 10;
        var beatenAt = Add(640).ToDictionary(session => session, _ => TimeSpan.Zero);
        var now = TimeSpan.Zero;
        void Go(int steps, TimeSpan step, TimeSpan longest)
        {
            for (; steps > 0; steps--)
            {
                now += step;
                _schedule.Turn(now);
                foreach (var session in TakeAll())
                {
                    Assert.InRange(now - beatenAt[session], TimeSpan.Zero, longest);
                    beatenAt[session] = now;
                }
            }
        }
        Go(BeatSchedule.SlotCount + 10, Step, Interval);
        var changedAt = now;

        _schedule.SetInterval(factor * Interval, now);

        Go(BeatSchedule.SlotCount, Step, Interval);
        Assert.All(beatenAt.Values, at => Assert.InRange(at, changedAt + Step, changedAt + Interval));
        var beats = 0;
        for (var turn = 0; turn < 3; turn++)
        {
            for (var step = 0; step < BeatSchedule.SlotCount; step++)
            {
                _schedule.Turn(now += factor * Step);
                beats += TakeAll().Count;
            }
        }
        Assert.Equal(3 * 640, beats);
    }

    [Fact]
    public void The_slot_that_is_due_longest_comes_first()
    {
        Add(640);
        _schedule.Turn(10 * Step);
        Assert.True(_schedule.TryTakeDue(out _, out var first));
        _schedule.Turn(11 * Step);
        Assert.True(_schedule.TryTakeDue(out _, out var second));

        Assert.Equal((0, 1), (first, second));
    }

    [Fact]
    public void A_session_that_leaves_beats_no_more_and_the_others_keep_their_places()
    {
        var sessions = Add(1000);
        foreach (var session in sessions.Where((_, index) => index % 2 == 0))
            _schedule.Remove(session);
        _schedule.Remove(sessions[0]);

        _schedule.Turn(Interval);

        Assert.Equal(500, _schedule.Count);
        Assert.Equal(sessions.Where((_, index) => index % 2 == 1).ToHashSet(), TakeAll().ToHashSet());
    }

    private List<PresenceSession> Add(int count)
    {
        var sessions = Enumerable.Range(0, count).Select(i => new PresenceSession(group: null!, $"user-{i}", sessionId: null)).ToList();
        foreach (var session in sessions)
            _schedule.Add(session);
        return sessions;
    }

    private List<PresenceSession> TakeAll()
    {
        var taken = new List<PresenceSession>();
        while (_schedule.TryTakeDue(out var sessions, out _))
            taken.AddRange(sessions);
        return taken;
    }
}
