using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// When to look at which user again: a wheel of slots of one tick each, with a user in at most one of them. An entry says "not before", no more: it is
/// looked at when its slot comes, and put again when the lease was renewed, so that a heartbeat writes one number and moves nothing. What is further
/// away than the wheel reaches is looked at when the wheel comes round. Guarded by the shard's lock.
/// </summary>
/// <remarks>
/// The users are the links of the lists: an entry costs two references, is taken out at once, and so nothing stale is left, and no user who is gone
/// is kept in memory by it.
/// </remarks>
internal sealed class TimingWheel
{
    /// <summary>Slots: with 100 ms each they reach 102 s, more than the default session timeout. A power of two.</summary>
    public const int Slots = 1024;

    private readonly TrackedUser?[] _heads = new TrackedUser?[Slots];
    private TrackedUser? _cursor; // who is looked at next in the slot at the position
    private int _position; // the slot that is being gone through, or was last; its entries may not all have been due
    private int _target; // the slot up to which the present pass goes
    private bool _isUnderWay; // a pass has begun with the slot at the position and has not ended

    /// <summary>The slot of a moment. An int of ticks lasts for six years of uptime.</summary>
    public static int SlotOf(long due) => (int)Math.Min(due / Limits.Tick.Ticks, int.MaxValue);

    /// <summary>Sees to it that the user is looked at when this moment has come, if not before.</summary>
    public void PutBy(TrackedUser user, long due)
    {
        if (!user.IsInWheel || SlotOf(due) < user.Slot)
            Put(user, due);
    }

    /// <summary>Puts the user where this moment is, or as far ahead as the wheel reaches.</summary>
    public void Put(TrackedUser user, long due)
    {
        // A slot that a pass has gone through, in part or whole, is not looked at again before the next pass.
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

    /// <summary>Takes the user out, if it is in.</summary>
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
    /// The next user to be looked at whose slot is not after the moment's; null at the end of the pass. The slot of the moment itself is gone through
    /// in every pass, because only a part of it is due: waiting for its end would make a lease up to two ticks late.
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
