using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The ids of a user's ended sessions, each kept until its lease would have expired. Bounded. Guarded by the shard's lock.
/// </summary>
internal sealed class EndedSessions
{
    private readonly List<(SessionId Id, long Until)> _ids = [];

    /// <summary>Whether no id is remembered.</summary>
    public bool IsEmpty => _ids.Count == 0;

    /// <summary>When the first id expires; <see cref="long.MaxValue"/> if no id is remembered.</summary>
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

    /// <summary>Remembers the id. Does nothing if it is remembered already: ending a session again does not extend the time.</summary>
    public void Add(SessionId id, long until, long now)
    {
        Forget(now);
        if (Contains(id, now))
            return;
        if (_ids.Count == Limits.EndedSessionsPerUser)
            _ids.Remove(_ids.MinBy(ended => ended.Until));
        _ids.Add((id, until));
    }

    /// <summary>Removes expired ids.</summary>
    public void Forget(long now) => _ids.RemoveAll(ended => ended.Until <= now);
}
