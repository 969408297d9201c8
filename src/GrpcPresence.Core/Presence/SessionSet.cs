using System.Diagnostics.CodeAnalysis;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The sessions of a user, unordered, and the ended sessions. The first session is a field, because most users have one: this saves a
/// million objects for a million users. Guarded by the part's lock.
/// </summary>
internal struct SessionSet
{
    private LiveSession _first;
    private Rest? _rest; // only few users have more than one session
    private byte _count;

    /// <summary>The number of sessions.</summary>
    public int Count
    {
        readonly get => _count;
        private set => _count = (byte)value;
    }

    /// <summary>Whether the anonymous session is in the set.</summary>
    public bool HasAnonymous { get; private set; }

    /// <summary>
    /// The uptime in seconds from which the next mark of the user in the store is counted. Here, and not in the user, because it fits
    /// beside the count: in the user it would add 16 bytes.
    /// </summary>
    public int AliveAt { get; set; }

    /// <summary>Whether the user was online before the start and has sent no heartbeat to this process. Here for the same reason.</summary>
    public bool IsUnseen { get; set; }

    /// <summary>Whether the mark that is counted from <see cref="AliveAt"/> is not stored yet. Here for the same reason.</summary>
    public bool IsMarkPending { get; set; }

    /// <summary>The remembered ended sessions, or null.</summary>
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

    /// <summary>The session at the index. The reference is valid until a session is added or removed.</summary>
    [UnscopedRef]
    public ref LiveSession this[int index] => ref index == 0 ? ref _first : ref _rest!.More![index - 1];

    /// <summary>Returns the index of the session, or -1.</summary>
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

    /// <summary>Removes the session at the index and moves the last session to it.</summary>
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

    /// <summary>Returns the index of the session to evict, never the anonymous one's.</summary>
    public int LeastRecentlyRenewed()
    {
        var oldest = -1;
        for (var index = 0; index < Count; index++)
        {
            if (!this[index].IsAnonymous && (oldest < 0 || this[index].LastBeat < this[oldest].LastBeat))
                oldest = index;
        }
        return oldest;
    }

    /// <summary>Whether the stream owns any session.</summary>
    public bool HasAnyOf(HeartbeatStream stream)
    {
        for (var index = 0; index < Count; index++)
        {
            if (this[index].Owner == stream)
                return true;
        }
        return false;
    }

    /// <summary>Returns when the first lease or the first ended id expires; <see cref="long.MaxValue"/> if nothing expires.</summary>
    public long FirstEnd()
    {
        var first = Ended?.FirstEnd ?? long.MaxValue;
        for (var index = 0; index < Count; index++)
            first = Math.Min(first, this[index].LeaseEnd);
        return first;
    }

    /// <summary>Returns the sessions with a running lease, and whether the anonymous session is one of them.</summary>
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
