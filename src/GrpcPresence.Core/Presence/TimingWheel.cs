using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// A timing wheel of users, in slots of one tick each. A user is in at most one slot. A slot is only a lower bound: when it is due, the
/// wheel returns the user, and a user with a renewed lease is put back. So a heartbeat writes one number and moves nothing. A user beyond
/// the reach of the wheel is returned early and put back. Guarded by the part's lock.
/// </summary>
/// <remarks>
/// The users themselves are the list nodes. An entry costs two references and is removed at once, so the wheel holds no stale entry and
/// keeps no removed user in memory.
/// </remarks>
internal sealed class TimingWheel
{
    /// <summary>The number of slots. At 100 ms each they reach 102 s, more than the default session timeout. A power of two.</summary>
    public const int Slots = 1024;

    private readonly TrackedUser?[] _heads = new TrackedUser?[Slots];
    private TrackedUser? _cursor; // the next user of the slot at the position
    private int _position; // the present or last slot of a pass; not all of its entries may have been due
    private int _target; // the last slot of the present pass
    private bool _isUnderWay; // whether a pass has begun with the slot at the position and not ended

    /// <summary>Returns the slot of a moment. An int of ticks lasts for six years of uptime.</summary>
    public static int SlotOf(long due) => (int)Math.Min(due / Limits.Tick.Ticks, int.MaxValue);

    /// <summary>Ensures that the wheel returns the user when this moment comes, if not before.</summary>
    public void PutBy(TrackedUser user, long due)
    {
        if (!user.IsInWheel || SlotOf(due) < user.Slot)
            Put(user, due);
    }

    /// <summary>Puts the user into the slot of this moment, or as far ahead as the wheel reaches.</summary>
    public void Put(TrackedUser user, long due)
    {
        // A pass does not return to a slot that it has gone through, in part or in whole. The next pass does.
        var first = _isUnderWay && _position < _target ? _position + 1 : _position;
        var slot = Math.Clamp(SlotOf(due), first, _position + Slots - 1);
        if (user.IsInWheel)
        {
            if (user.Slot == slot)
                return;
            Remove(user);
        }
        ref var head = ref _heads[slot & (Slots - 1)];
        user.Slot = slot;
        user.Before = null;
        user.After = head;
        if (head is not null)
            head.Before = user;
        head = user;
    }

    /// <summary>Removes the user, if it is in the wheel.</summary>
    public void Remove(TrackedUser user)
    {
        if (!user.IsInWheel)
            return;
        if (_cursor == user)
            _cursor = user.After;
        if (user.Before is null)
            _heads[user.Slot & (Slots - 1)] = user.After;
        else
            user.Before.After = user.After;
        if (user.After is not null)
            user.After.Before = user.Before;
        user.Slot = TrackedUser.NoSlot;
        user.Before = null;
        user.After = null;
    }

    /// <summary>
    /// Returns the next user whose slot is not after the moment's, or null at the end of the pass. Every pass includes the slot of the
    /// moment itself, because only some of its users are due. Waiting for its end would make a lease up to two ticks late.
    /// </summary>
    public TrackedUser? Next(long now)
    {
        if (!_isUnderWay)
            Begin(now);
        while (_cursor is null)
        {
            if (_position >= _target)
            {
                _isUnderWay = false;
                return null;
            }
            _cursor = _heads[++_position & (Slots - 1)];
        }
        var user = _cursor;
        _cursor = user.After;
        return user;
    }

    private void Begin(long now)
    {
        _isUnderWay = true;
        _target = Math.Max(SlotOf(now), _position);
        _cursor = _heads[_position & (Slots - 1)];
    }
}
