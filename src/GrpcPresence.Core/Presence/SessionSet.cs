using System.Diagnostics.CodeAnalysis;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The sessions of a user, in no order, and the ended ones. The first lies within the user, because most users have one: a million of them are a million objects less.
/// Guarded by the shard's lock.
/// </summary>
internal struct SessionSet
{
    private LiveSession _first;
    private Rest? _rest; // what few users have

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Whether the anonymous session is among them.</summary>
    public bool HasAnonymous { get; private set; }

    /// <summary>The ended ones that are remembered; null when there is none.</summary>
    public EndedSessions? Ended
    {
        readonly get => _rest?.Ended;
        set
        {
            if (value is not null)
                (_rest ??= new Rest()).Ended = value;
            else if (_rest is not null)
                _rest.Ended = null;
            Trim();
        }
    }

    /// <summary>The session at the index. The reference is good until one is added or removed.</summary>
    [UnscopedRef]
    public ref LiveSession this[int index] => ref index == 0 ? ref _first : ref _rest!.More![index - 1];

    /// <summary>The index of the session; -1 when there is none.</summary>
    public readonly int IndexOf(SessionId id)
    {
        if (Count == 0)
            return -1;
        if (_first.Id.Is(id))
            return 0;
        for (var index = 1; index < Count; index++)
        {
            if (_rest!.More![index - 1].Id.Is(id))
                return index;
        }
        return -1;
    }

    /// <summary>Adds a session and returns its index.</summary>
    public int Add(SessionId id)
    {
        var index = Count++;
        if (index > 0)
            (_rest ??= new Rest()).MakeRoom(index);
        HasAnonymous |= id.IsEmpty;
        this[index] = new LiveSession { Id = new PackedSessionId(id) };
        return index;
    }

    /// <summary>Removes the session at the index; the last one takes its place.</summary>
    public void RemoveAt(int index)
    {
        var last = --Count;
        if (this[index].IsAnonymous)
            HasAnonymous = false;
        this[index] = this[last];
        this[last] = default;
        if (_rest is not null && Count <= 1)
            _rest.More = null;
        Trim();
    }

    /// <summary>The index of the session to make room, never the anonymous one's.</summary>
    public int LeastRecentlyRenewed()
    {
        var least = -1;
        for (var index = 0; index < Count; index++)
        {
            if (!this[index].IsAnonymous && (least < 0 || this[index].LastBeat < this[least].LastBeat))
                least = index;
        }
        return least;
    }

    /// <summary>Whether the stream owns any.</summary>
    public bool HasAnyOf(HeartbeatStream stream)
    {
        for (var index = 0; index < Count; index++)
        {
            if (this[index].Owner == stream)
                return true;
        }
        return false;
    }

    /// <summary>When the first lease runs out or the first ended id is forgotten; <see cref="long.MaxValue"/> when nothing ever will.</summary>
    public long FirstEnd()
    {
        var first = Ended?.FirstEnd ?? long.MaxValue;
        for (var index = 0; index < Count; index++)
            first = Math.Min(first, this[index].LeaseEnd);
        return first;
    }

    /// <summary>Those whose lease is not over, and whether the anonymous one is among them.</summary>
    public (List<LiveSession> Sessions, bool Recovering) List(long now)
    {
        var live = new List<LiveSession>(Count);
        var recovering = false;
        for (var index = 0; index < Count; index++)
        {
            var session = this[index];
            if (session.LeaseEnd <= now)
                continue;
            if (session.IsAnonymous)
                recovering = true;
            else
                live.Add(session);
        }
        return (live, recovering);
    }

    private void Trim()
    {
        if (_rest is { More: null, Ended: null })
            _rest = null;
    }

    private sealed class Rest
    {
        public LiveSession[]? More;
        public EndedSessions? Ended;

        public void MakeRoom(int count)
        {
            if (More is null || count > More.Length)
                Array.Resize(ref More, More is null ? 1 : More.Length * 2);
        }
    }
}
