using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// A user with live sessions, with remembered ended sessions, or with a state that is not stored yet. The user is online while any session
/// lives, including the anonymous one. Call every member under the shard's lock.
/// </summary>
internal sealed class TrackedUser(CachedService service, Identity identity, int hash, TrackerShard shard)
{
    /// <summary>The <see cref="Slot"/> of a user that is not in the wheel.</summary>
    public const int NoSlot = -1;

    // The links of the shard's table and wheel. Only the table and the wheel write them.
    public readonly int Hash = hash;
    public TrackedUser? NextInBucket;
    public TrackedUser? Before;
    public TrackedUser? After;
    public int Slot = NoSlot;

    private SessionSet _sessions;
    private PresenceSync _sync = new();

    public CachedService Service { get; } = service;

    public Identity Identity { get; } = identity;

    /// <summary>The SID; <c>default</c> until the writer or a read of the store has found the user.</summary>
    public UserSid Sid { get; private set; }

    /// <summary>The shard, whose lock guards the user.</summary>
    public TrackerShard Shard { get; } = shard;

    public bool IsInWheel => Slot != NoSlot;

    /// <summary>Whether any session lives.</summary>
    public bool IsOnline => _sessions.Count > 0;

    /// <summary>Whether the shard can drop the user.</summary>
    public bool IsIdle => _sessions.Count == 0 && _sessions.Ended is null && !_sync.IsPending;

    /// <summary>Whether the user is known to exist, or a live session may still create it.</summary>
    public bool Exists => Sid != default || _sessions.Count > 0;

    /// <summary>Whether the given SID, if any, is another user's.</summary>
    public bool IsOther(UserSid? sid) => sid is { } given && Sid != default && given != Sid;

    /// <summary>Begins a session's lease or renews it.</summary>
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
        Continue(_sync.MarkOnline(isNew: !wasOnline, address.MayCreate, Service.Configuration));
        return new HeartbeatResult(null, WhenStored());
    }

    /// <summary>Ends a session at once, and remembers its id.</summary>
    public Task End(SessionId id, long now, long timeout)
    {
        var index = _sessions.IndexOf(id);
        var until = now + timeout;
        if (index >= 0)
        {
            // An expired lease that was not swept yet does not count. The id is remembered like one without a session.
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

    /// <summary>Shortens the leases of the sessions that a stream still owns, because the client closed it.</summary>
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

    /// <summary>Adds the anonymous session, because the store held the user online before the start.</summary>
    public void Recover(UserSid sid, long leaseEnd)
    {
        if (_sessions.HasAnonymous)
            return;
        _sessions[_sessions.Add(default)].LeaseEnd = leaseEnd;
        if (leaseEnd != LiveSession.NotStarted)
            Shard.Wheel.PutBy(this, leaseEnd);
        SetSid(sid);
        _sync.MarkRecovered(Service.Configuration);
    }

    /// <summary>Starts the anonymous lease, because the service is ready.</summary>
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

    /// <summary>
    /// Ends the expired sessions and puts the user back into the wheel. Adds the lateness of each ended lease to the list.
    /// </summary>
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

    /// <summary>Queues an online user whose state is not stored, because reachability was switched on.</summary>
    public void Reconsider() => Continue(_sync.Reconsider(IsOnline, Service.Configuration));

    /// <summary>Returns the live sessions, and whether the anonymous session is one of them.</summary>
    public (List<LiveSession> Sessions, bool Recovering) List(long now) => _sessions.List(now);

    /// <summary>Removes the user from the index of SIDs. The user is about to leave the shard.</summary>
    public void Leave() => SetSid(default);

    /// <summary>Takes the state for the writer's decision; null if nothing is to be decided.</summary>
    public PresenceSnapshot? Take(bool background) => _sync.Take(background, IsOnline, Sid);

    /// <summary>Notes that the snapshot is stored, and under which SID; null if the store does not have the user.</summary>
    public void MarkStored(PresenceSnapshot snapshot, long switchRevision, UserSid? sid)
    {
        SetSid(sid ?? default);
        Continue(_sync.MarkStored(snapshot, switchRevision, IsOnline, Service.Configuration));
    }

    /// <summary>Queues the state again, because the snapshot could not be stored.</summary>
    public void Retry(PresenceSnapshot snapshot, PresenceException reason) => Continue(_sync.Retry(snapshot, reason));

    /// <summary>Queues the state again, because the store failed before the entry was decided.</summary>
    public void FailQueued(bool background, PresenceException reason) => Continue(_sync.FailQueued(background, reason));

    /// <summary>Queues an entry again that the writer deferred, unless the user's deletion has emptied the state since.</summary>
    public void Requeue(bool background) => Continue(_sync.Requeue(background));

    /// <summary>
    /// Ends all sessions without remembering their ids, because the user does not exist and may not be created, or the quota of users is
    /// used up.
    /// </summary>
    public void Reject(PresenceException reason)
    {
        var next = _sync.Reject(reason);
        if (next == PresenceSync.Next.Idle)
        {
            SetSid(default);
            RemoveAll();
        }
        Continue(next);
    }

    /// <summary>Ends all sessions and remembers their ids, because the user was deleted.</summary>
    public void Delete()
    {
        SetSid(default);
        _sync.Reset(PresenceErrors.SessionEnded());
        var now = Shard.Clock.Now;
        for (var index = 0; index < _sessions.Count; index++)
        {
            var session = _sessions[index];
            if (!session.IsAnonymous && session.LeaseEnd > now)
                Remember(session.Id.Unpack(), session.LeaseEnd, now);
        }
        RemoveAll();
        Shard.RemoveIfIdle(this);
    }

    private Task WhenStored() => _sync.WhenStored(IsOnline, Service.Configuration);

    private void Continue(PresenceSync.Next next)
    {
        switch (next)
        {
            case PresenceSync.Next.Queue:
                Enqueue(background: false);
                break;
            case PresenceSync.Next.QueueInBackground:
                Enqueue(background: true);
                break;
            case PresenceSync.Next.Idle:
                Shard.RemoveIfIdle(this);
                break;
        }
    }

    private void Enqueue(bool background)
    {
        if (_sync.TryUseEntry(background))
            return;
        if (Shard.Queue.TryEnqueue(new StorePresence(this, background), background))
            _sync.MarkQueued(background);
        else
            _sync.MarkQueueClosed();
    }

    // The index must not find the user by a SID that is no longer the user's.
    private void SetSid(UserSid sid)
    {
        if (sid == Sid)
            return;
        if (Sid != default)
            Shard.Sids.Remove(Service, Sid);
        Sid = sid;
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

    // A long-lived stream must not keep users whose sessions have ended or moved to another stream.
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
        Continue(_sync.MarkOffline(background, Service.Configuration));
    }

    private void RemoveAll()
    {
        if (IsOnline)
            Shard.WentOffline++;
        while (_sessions.Count > 0)
            Remove(_sessions.Count - 1);
    }

    // The service instance is deleted, so no state is stored and no watcher is notified.
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
