using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace GrpcPresence.Client.Sessions;

/// <summary>
/// When which sessions beat: a wheel of 64 slots that turns once in an interval. A session has a place in a random slot, so the beats of
/// many sessions are spread over the interval, and a session without a timer of its own beats once in each turn. A slot that is not taken
/// in time stays due, once. Not safe from several threads: the group's lock guards it.
/// </summary>
internal sealed class BeatSchedule(Random random, TimeSpan interval)
{
    public const int SlotCount = 64; // one bit each in _due

    // With access tokens each user has a schedule, most of whose slots stay empty.
    private readonly List<PresenceSession>?[] _slots = new List<PresenceSession>?[SlotCount];
    private ulong _due;
    private int _next; // the slot that becomes due next, which is the one that was due longest ago
    private TimeSpan _turnedAt;
    private TimeSpan _step = StepOf(interval);
    private int _stepsBeforeLonger; // steps of the present length that are left; 0 if it is that of the interval

    /// <summary>How many sessions have a place.</summary>
    public int Count { get; private set; }

    /// <summary>How long one turn takes, or after <see cref="SetInterval"/> the next one.</summary>
    public TimeSpan Interval { get; private set; } = interval;

    /// <summary>All sessions.</summary>
    public IEnumerable<PresenceSession> Sessions => _slots.SelectMany(slot => slot ?? []);

    /// <summary>Begins to turn now, after a time without sessions.</summary>
    public void Start(TimeSpan now)
    {
        (_turnedAt, _due) = (now, 0);
        UseInterval();
    }

    /// <summary>
    /// Changes how long one turn takes. A shorter interval holds at once. A longer one holds after one more turn of the present length: the
    /// leases of the other sessions are still those of the shorter interval, and each heartbeat on that turn renews one for the longer.
    /// </summary>
    public void SetInterval(TimeSpan interval, TimeSpan now)
    {
        // What is due by the interval so far is due.
        if (Count > 0)
            Turn(now);
        Interval = interval;
        if (Count > 0 && StepOf(interval) > _step)
        {
            _stepsBeforeLonger = SlotCount;
            return;
        }
        // The rest of the present step must not count as many shorter ones.
        if (Count > 0)
            _turnedAt = now;
        UseInterval();
    }

    /// <summary>Gives the session a place: of two random slots, the one with fewer sessions.</summary>
    public void Add(PresenceSession session)
    {
        var (a, b) = (random.Next(SlotCount), random.Next(SlotCount));
        var index = CountOf(a) <= CountOf(b) ? a : b;
        var slot = _slots[index] ??= [];
        (session.Slot, session.Index) = (index, slot.Count);
        slot.Add(session);
        Count++;
    }

    /// <summary>Takes the place of the session, if it has one.</summary>
    public void Remove(PresenceSession session)
    {
        if (session.Slot < 0)
            return;
        var slot = _slots[session.Slot]!;
        var last = slot[^1];
        slot[session.Index] = last;
        last.Index = session.Index;
        slot.RemoveAt(slot.Count - 1);
        session.Slot = -1;
        Count--;
    }

    /// <summary>
    /// Makes due what has become due, and returns the time to the next slot with sessions. So a group with few sessions wakes up seldom.
    /// </summary>
    public TimeSpan Turn(TimeSpan now)
    {
        if (now - _turnedAt >= SlotCount * _step)
        {
            (_due, _turnedAt) = (ulong.MaxValue, now);
            UseInterval();
        }
        while (now - _turnedAt >= _step)
        {
            _due |= 1UL << _next;
            _next = (_next + 1) % SlotCount;
            _turnedAt += _step;
            if (_stepsBeforeLonger > 0 && --_stepsBeforeLonger == 0)
                UseInterval();
        }
        var ahead = 1;
        while (ahead < SlotCount && CountOf((_next + ahead - 1) % SlotCount) == 0)
            ahead++;
        return _turnedAt + (ahead * _step) - now;
    }

    /// <summary>Makes a slot due again, because its beats were lost.</summary>
    public void MakeDue(int slot) => _due |= 1UL << slot;

    /// <summary>Makes all slots due.</summary>
    public void MakeAllDue() => _due = ulong.MaxValue;

    /// <summary>Takes the slot that is due longest. False if no slot with sessions is due.</summary>
    public bool TryTakeDue([NotNullWhen(true)] out PresenceSession[]? sessions, out int slot)
    {
        while (_due != 0)
        {
            var ahead = BitOperations.TrailingZeroCount(BitOperations.RotateRight(_due, _next));
            slot = (_next + ahead) % SlotCount;
            _due &= ~(1UL << slot);
            if (_slots[slot] is not { Count: > 0 } taken)
                continue;
            sessions = [.. taken];
            return true;
        }
        (sessions, slot) = (null, -1);
        return false;
    }

    private void UseInterval() => (_step, _stepsBeforeLonger) = (StepOf(Interval), 0);

    private static TimeSpan StepOf(TimeSpan interval) => TimeSpan.FromTicks(Math.Max(1, interval.Ticks / SlotCount));

    private int CountOf(int slot) => _slots[slot]?.Count ?? 0;
}
