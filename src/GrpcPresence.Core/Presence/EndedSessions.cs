using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>The ids of a user's ended sessions, each until the lease would have run out. Bounded. Guarded by the shard's lock.</summary>
internal sealed class EndedSessions
{
    private readonly List<(SessionId Id, long Until)> _ids = [];

    /// <summary>Whether none is remembered.</summary>
    public bool IsEmpty => _ids.Count == 0;

    /// <summary>When the first will be forgotten; <see cref="long.MaxValue"/> when there is none.</summary>
    public long FirstEnd
    {
        get
        {
            var first = long.MaxValue;
            foreach (var (_, until) in _ids)
                first = Math.Min(first, until);
            return first;
        }
    }

    /// <summary>Whether the id is remembered.</summary>
    public bool Contains(SessionId id, long now)
    {
        foreach (var ended in _ids)
        {
            if (ended.Id == id)
                return ended.Until > now;
        }
        return false;
    }

    /// <summary>Remembers the id, unless it is remembered already: ending it again does not lengthen that.</summary>
    public void Add(SessionId id, long until, long now)
    {
        Forget(now);
        if (Contains(id, now))
            return;
        if (_ids.Count == Limits.EndedSessionsPerUser)
            _ids.Remove(_ids.MinBy(ended => ended.Until));
        _ids.Add((id, until));
    }

    /// <summary>Forgets what is over.</summary>
    public void Forget(long now) => _ids.RemoveAll(ended => ended.Until <= now);
}
