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

    private readonly List<PresenceSession>[] _slots = [.. Enumerable.Range(0, SlotCount).Select(_ => new List<PresenceSession>())];
    private ulong _due;
    private int _next; // the slot that becomes due next, which is the one that was due longest ago
    private TimeSpan _turnedAt;

    /// <summary>How many sessions have a place.</summary>
    public int Count { get; private set; }

    /// <summary>How long one turn takes. A change holds for the rest of the present turn.</summary>
    public TimeSpan Interval { get; set; } = interval;

    /// <summary>All sessions.</summary>
    public IEnumerable<PresenceSession> Sessions => _slots.SelectMany(slot => slot);

    private TimeSpan Step => Interval / SlotCount;

    /// <summary>Begins to turn now, after a time without sessions.</summary>
    public void Start(TimeSpan now) => (_turnedAt, _due) = (now, 0);

    /// <summary>Gives the session a place: of two random slots, the one with fewer sessions.</summary>
    public void Add(PresenceSession session)
    {
        var (a, b) = (random.Next(SlotCount), random.Next(SlotCount));
        var slot = _slots[a].Count <= _slots[b].Count ? a : b;
        (session.Slot, session.Index) = (slot, _slots[slot].Count);
        _slots[slot].Add(session);
        Count++;
    }

    /// <summary>Takes the place of the session, if it has one.</summary>
    public void Remove(PresenceSession session)
    {
        if (session.Slot < 0)
            return;
        var slot = _slots[session.Slot];
        var last = slot[^1];
        slot[session.Index] = last;
        last.Index = session.Index;
        slot.RemoveAt(slot.Count - 1);
        session.Slot = -1;
        Count--;
    }

    /// <summary>Makes due what has become due, and returns the time to the next slot.</summary>
    public TimeSpan Turn(TimeSpan now)
    {
        var steps = (now - _turnedAt) / Step;
        if (steps >= SlotCount)
        {
            (_due, _turnedAt) = (ulong.MaxValue, now);
            return Step;
        }
        for (var step = 1; step <= steps; step++)
        {
            _due |= 1UL << _next;
            _next = (_next + 1) % SlotCount;
            _turnedAt += Step;
        }
        return _turnedAt + Step - now;
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
            if (_slots[slot].Count == 0)
                continue;
            sessions = [.. _slots[slot]];
            return true;
        }
        (sessions, slot) = (null, -1);
        return false;
    }
}
