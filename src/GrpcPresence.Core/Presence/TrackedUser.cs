using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// A user with live sessions, or with ended ones that are remembered, or with a change that is not stored yet. Vouched for exactly while any session
/// lives, the anonymous one among them. Every member is to be called under the shard's lock.
/// </summary>
internal sealed class TrackedUser(CachedService service, Identity identity, int hash, TrackerShard shard)
    : PresenceCell(service, identity, shard)
{
    /// <summary>The <see cref="Slot"/> of a user who is not in the wheel.</summary>
    public const int NoSlot = -1;

    // The links of the shard's table and wheel, which alone write them.
    public readonly int Hash = hash;
    public TrackedUser? NextInBucket;
    public TrackedUser? Before;
    public TrackedUser? After;
    public int Slot = NoSlot;

    private SessionSet _sessions;

    private new TrackerShard Shard => (TrackerShard)base.Shard;

    /// <summary>Whether the wheel holds the user.</summary>
    public bool IsInWheel => Slot != NoSlot;

    /// <summary>Whether any session lives.</summary>
    public bool IsOnline => _sessions.Count > 0;

    /// <summary>Whether nothing needs to be known of the user any more.</summary>
    public bool IsIdle => _sessions.Count == 0 && _sessions.Ended is null && !IsPending;

    /// <summary>Whether the user is known to exist, or about to: a session lives that may still have to create them.</summary>
    public bool Exists => Sid != default || _sessions.Count > 0;

    /// <summary>Whether the SID, where one is given, is not this user's.</summary>
    public bool IsOther(UserSid? sid) => sid is { } given && Sid != default && given != Sid;

    /// <summary>Renews the lease of a session, or begins it.</summary>
    public HeartbeatResult Beat(in UserRef address, SessionId id, long now, long leaseEnd, HeartbeatStream? owner)
    {
        if (IsOther(address.Sid))
            return HeartbeatResult.Rejected(ErrorReason.UserNotFound);
        if (_sessions.Ended is { } ended && ended.Contains(id, now))
            return HeartbeatResult.Rejected(ErrorReason.SessionEnded);
        if (address.Sid is { } sid)
            IndexBy(sid);

        var wasOnline = IsOnline;
        var index = _sessions.IndexOf(id);
        ref var session = ref _sessions[index >= 0 ? index : Begin(id)];
        session.LastBeat = now;
        session.LeaseEnd = leaseEnd;
        if (session.Owner != owner)
            Take(ref session, owner);
        Shard.Wheel.PutBy(this, leaseEnd);
        if (!wasOnline)
            Shard.CameOnline++;
        Vouch(address.MayCreate);
        return new HeartbeatResult(null, WhenStored());
    }

    /// <summary>Ends a session at once, and remembers its id.</summary>
    public Task End(SessionId id, long now, long timeout)
    {
        var index = _sessions.IndexOf(id);
        var until = now + timeout;
        if (index >= 0)
        {
            // A lease that is over, but was not swept yet, is none: the id is remembered like one that never beat.
            if (_sessions[index].LeaseEnd > now)
                until = _sessions[index].LeaseEnd;
            Remove(index);
        }
        Remember(id, until, now);
        if (IsOnline)
            return Task.CompletedTask;
        if (index >= 0)
            GoOffline(background: false);
        return WhenStored();
    }

    /// <summary>The client closed the stream: the leases of the sessions that it still owns end soon.</summary>
    public void Close(HeartbeatStream stream, long now)
    {
        var latest = now + Service.Configuration.OfflineDebounce.Ticks;
        for (var index = 0; index < _sessions.Count; index++)
        {
            ref var session = ref _sessions[index];
            if (session.Owner != stream)
                continue;
            session.Owner = null;
            session.LeaseEnd = Math.Min(session.LeaseEnd, latest);
            Shard.Wheel.PutBy(this, session.LeaseEnd);
        }
    }

    /// <summary>The store holds the user online from before the start: the anonymous session stands for that.</summary>
    public void Recover(UserSid sid, long leaseEnd)
    {
        if (_sessions.HasAnonymous)
            return;
        _sessions[_sessions.Add(default)].LeaseEnd = leaseEnd;
        if (leaseEnd != LiveSession.NotStarted)
            Shard.Wheel.PutBy(this, leaseEnd);
        base.Recover(sid);
    }

    /// <summary>The service is ready: the anonymous lease begins to run.</summary>
    public void StartAnonymous(long now)
    {
        if (!_sessions.HasAnonymous)
            return;
        ref var session = ref _sessions[_sessions.IndexOf(default)];
        if (session.LeaseEnd != LiveSession.NotStarted)
            return;
        session.LeaseEnd = now + Service.Configuration.SessionTimeout.Ticks;
        Shard.Wheel.PutBy(this, session.LeaseEnd);
    }

    /// <summary>The wheel has come to the user: ends what has run out, and says when to look again. Notes by how much each lease was over.</summary>
    public void Expire(long now, List<long> lateness)
    {
        if (Service.IsDeleted)
        {
            Drop();
            return;
        }
        var wasOnline = IsOnline;
        for (var index = _sessions.Count - 1; index >= 0; index--)
        {
            var leaseEnd = _sessions[index].LeaseEnd;
            if (leaseEnd > now)
                continue;
            lateness.Add(now - leaseEnd);
            Remove(index);
        }
        _sessions.Ended?.Forget(now);
        if (_sessions.Ended is { IsEmpty: true })
            _sessions.Ended = null;
        if (wasOnline && !IsOnline)
            GoOffline(background: true);
        PutAgain();
    }

    /// <summary>Queues the cell, when reachability was switched on and a session lives.</summary>
    public new void Reconsider() => base.Reconsider();

    /// <summary>The live sessions, and whether the anonymous one is among them.</summary>
    public (List<LiveSession> Sessions, bool Recovering) List(long now) => _sessions.List(now);

    /// <summary>The user leaves the shard.</summary>
    public void Leave() => OnSidChanging();

    protected override void OnRefused() => RemoveAll();

    protected override void OnDeleted()
    {
        var now = Shard.Clock.Now;
        for (var index = 0; index < _sessions.Count; index++)
        {
            var session = _sessions[index];
            if (!session.IsAnonymous && session.LeaseEnd > now)
                Remember(session.Id.Unpack(), session.LeaseEnd, now);
        }
        RemoveAll();
    }

    protected override void OnSettled() => Shard.RemoveIfIdle(this);

    protected override void OnSidChanging()
    {
        if (Sid != default)
            Shard.Sids.Remove(Service, Sid);
    }

    private void IndexBy(UserSid sid)
    {
        SetSid(sid);
        Shard.Sids.Add(Service, sid, Identity);
    }

    private int Begin(SessionId id)
    {
        if (_sessions.Count - (_sessions.HasAnonymous ? 1 : 0) >= Limits.SessionsPerUser)
            Remove(_sessions.LeastRecentlyRenewed());
        Shard.LiveSessions++;
        return _sessions.Add(id);
    }

    private void Take(ref LiveSession session, HeartbeatStream? owner)
    {
        var former = session.Owner;
        session.Owner = owner is not null && owner.TryKeep(this) ? owner : null;
        Disown(former);
    }

    private void Remove(int index)
    {
        var session = _sessions[index];
        if (!session.IsAnonymous)
            Shard.LiveSessions--;
        _sessions.RemoveAt(index);
        Disown(session.Owner);
    }

    // A stream that lives for long must not keep users whose sessions are over or went elsewhere.
    private void Disown(HeartbeatStream? stream)
    {
        if (stream is not null && !_sessions.HasAnyOf(stream))
            stream.Forget(this);
    }

    private void Remember(SessionId id, long until, long now)
    {
        (_sessions.Ended ??= new EndedSessions()).Add(id, until, now);
        Shard.Wheel.PutBy(this, until);
    }

    private void GoOffline(bool background)
    {
        Shard.WentOffline++;
        Unvouch(background);
    }

    private void RemoveAll()
    {
        if (IsOnline)
            Shard.WentOffline++;
        while (_sessions.Count > 0)
            Remove(_sessions.Count - 1);
    }

    // Nobody is to be told: the service instance is gone for everybody.
    private void Drop()
    {
        RemoveAll();
        _sessions.Ended = null;
        PutAgain();
    }

    private void PutAgain()
    {
        var due = _sessions.FirstEnd();
        if (due != long.MaxValue)
            Shard.Wheel.Put(this, due);
        else
            Shard.Wheel.Remove(this);
        Shard.RemoveIfIdle(this);
    }
}
