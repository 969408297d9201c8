using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Tests.Presence.Fixture;

/// <summary>A simple model of what the tracker should know of one user: a lease end for each session. Times in milliseconds.</summary>
internal sealed class Model
{
    private readonly Dictionary<string, (int LeaseEnd, int LastBeat, int? Stream)> _live = [];
    private readonly Dictionary<string, int> _ended = [];

    /// <summary>The number of sessions after the last tick.</summary>
    public int Count => _live.Count;

    public int TimeoutMilliseconds { get; init; }

    public int DebounceMilliseconds { get; init; }

    public int RetentionMilliseconds { get; init; }

    /// <summary>Returns the sessions with a running lease.</summary>
    public IEnumerable<string> Alive(int now) =>
        _live.Where(session => session.Value.LeaseEnd > now).Select(session => session.Key).Order();

    /// <summary>Records a heartbeat; returns false if the session has ended.</summary>
    public bool Beat(string id, int now, int? stream)
    {
        if (_ended.TryGetValue(id, out var until) && until > now)
            return false;
        if (!_live.ContainsKey(id) && _live.Count == Limits.SessionsPerUser)
            _live.Remove(_live.MinBy(session => session.Value.LastBeat).Key);
        // A heartbeat over a stream that was opened earlier is late: it does not take the session back.
        var owner = stream is not null && _live.TryGetValue(id, out var known) && known.Stream > stream ? known.Stream : stream;
        _live[id] = (now + TimeoutMilliseconds, now, owner);
        return true;
    }

    public void End(string id, int now)
    {
        var until = _live.Remove(id, out var session) && session.LeaseEnd > now ? session.LeaseEnd : now + TimeoutMilliseconds;
        if (!_ended.TryGetValue(id, out var known) || known <= now)
            _ended[id] = until;
    }

    public void Close(int stream, int now)
    {
        foreach (var (id, session) in _live.Where(session => session.Value.Stream == stream).ToList())
            _live[id] = (Math.Min(session.LeaseEnd, now + DebounceMilliseconds), session.LastBeat, null);
    }

    public void Delete(int now)
    {
        foreach (var (id, until) in _ended.Where(ended => ended.Value > now).ToList())
            _ended[id] = Math.Max(until, now + RetentionMilliseconds);
        foreach (var (id, session) in _live.Where(session => session.Value.LeaseEnd > now))
            _ended[id] = Math.Max(session.LeaseEnd, now + RetentionMilliseconds);
        _live.Clear();
    }

    /// <summary>
    /// Records that the shard of the user was not open for a while. Leases stand still meanwhile, and those that had not run out last for a
    /// second at least.
    /// </summary>
    public void Move(int since, int now)
    {
        var atLeast = now + (int)Limits.LeaseAfterMove.TotalMilliseconds;
        foreach (var (id, session) in _live.ToList())
        {
            var leaseEnd = session.LeaseEnd + now - since;
            _live[id] = session with { LeaseEnd = session.LeaseEnd > since ? Math.Max(leaseEnd, atLeast) : leaseEnd };
        }
        foreach (var (id, until) in _ended.Where(ended => ended.Value > since).ToList())
            _ended[id] = until + now - since;
    }

    public void Tick(int now)
    {
        foreach (var (id, _) in _live.Where(session => session.Value.LeaseEnd <= now).ToList())
            _live.Remove(id);
    }
}
