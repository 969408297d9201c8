using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The ids of a user's ended sessions, each kept until its lease would have expired. Bounded. Guarded by the shard's lock.
/// </summary>
internal sealed class EndedSessions
{
    private readonly List<(SessionId Id, long Until)> _ids = [];

    /// <summary>Whether ids are of a deleted user, and counted as such in the service instance.</summary>
    public bool IsOfDeletedUser { get; set; }

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

    /// <summary>
    /// Remembers the id and returns until when. Keeps the present time if it is remembered already: ending a session again does not extend
    /// the time. <paramref name="evicted"/> is the id that had to make room, or empty.
    /// </summary>
    public long Add(SessionId id, long until, long now, out SessionId evicted)
    {
        evicted = default;
        Forget(now);
        foreach (var ended in _ids)
        {
            if (ended.Id == id)
                return ended.Until;
        }
        if (_ids.Count == Limits.EndedSessionsPerUser)
        {
            var first = _ids.MinBy(ended => ended.Until);
            _ids.Remove(first);
            evicted = first.Id;
        }
        _ids.Add((id, until));
        return until;
    }

    /// <summary>Returns the remembered ids, each with the time until it is forgotten.</summary>
    public IReadOnlyList<(SessionId Id, long Until)> List(long now)
    {
        Forget(now);
        return [.. _ids];
    }

    /// <summary>Remembers the id at least until this time, because its user was deleted.</summary>
    public void Extend(SessionId id, long until, long now)
    {
        var known = Add(id, until, now, out _);
        if (known < until)
            _ids[_ids.IndexOf((id, known))] = (id, until);
    }

    /// <summary>Removes expired ids.</summary>
    public void Forget(long now) => _ids.RemoveAll(ended => ended.Until <= now);
}
