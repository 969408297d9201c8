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

    // Two numbers of 4 bytes, because a process holds a million of them.
    private int _aliveAt; // the uptime in seconds from which the next mark in the store is counted
    private uint _lastKnown; // in Unix seconds, when an earlier process last knew the user alive; 0 after a heartbeat to this process

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
    public HeartbeatResult Beat(in UserRef address, SessionId id, long now, long leaseEnd, HeartbeatStream? stream)
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
        if (session.Owner != stream)
            SetOwner(ref session, stream);
        Shard.Wheel.PutBy(this, leaseEnd);
        _lastKnown = 0;
        if (!wasOnline)
            Shard.CameOnline++;
        else if (index < 0)
            MarkAliveIfDue(now); // after a restart, soon enough even if the next one follows in seconds
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
        until = Remember(id, until, now, out var evicted);
        var remembered = Shard.Queue.SubmitAsync(new StoreEndedSession(Service, Identity, id, Shard.Clock.ToUptime(until), evicted));
        if (IsOnline)
            return remembered;
        if (index >= 0)
            GoOffline(background: false);
        var stored = WhenStored();
        return stored.IsCompletedSuccessfully ? remembered : Task.WhenAll(stored, remembered);
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
    /// <param name="sid">The SID.</param>
    /// <param name="lastAlive">The uptime at which the store last learned that the user is alive.</param>
    /// <param name="lastKnown">When an earlier process last knew the user alive; null if that is not known.</param>
    /// <param name="leaseEnd">The end of the anonymous lease.</param>
    public void Recover(UserSid sid, TimeSpan lastAlive, DateTimeOffset? lastKnown, long leaseEnd)
    {
        if (_sessions.HasAnonymous)
            return;
        _sessions[_sessions.Add(default)].LeaseEnd = leaseEnd;
        if (leaseEnd != LiveSession.NotStarted)
            Shard.Wheel.PutBy(this, leaseEnd);
        SetSid(sid);
        NoteStoredAlive(lastAlive);
        if (_sessions.Count == 1)
            _lastKnown = (uint)(lastKnown?.ToUnixTimeSeconds() ?? 0);
        _sync.MarkRecovered(Service.Configuration);
    }

    /// <summary>Remembers the id of a session that ended before the start.</summary>
    public void RecoverEnded(SessionId id, long until, long now)
    {
        Remember(id, until, now, out _);
        if (until - now > Limits.MaxSessionTimeout.Ticks)
            CountAsDeleted();
    }

    /// <summary>
    /// Starts the anonymous lease, because the service is ready. The lease is shorter, or ends at once, for a user that no process has
    /// known alive for longer than <see cref="Limits.MaxUnseen"/>: otherwise a server that crashes in a loop would keep the user online.
    /// </summary>
    public void StartAnonymous(long now)
    {
        if (!_sessions.HasAnonymous)
            return;
        ref var session = ref _sessions[_sessions.IndexOf(default)];
        if (session.LeaseEnd != LiveSession.NotStarted)
            return;
        var timeout = Service.Configuration.SessionTimeout;
        var left = Limits.MaxUnseen + timeout - (Shard.Clock.EarlierUptime - LastAlive);
        session.LeaseEnd = now + Math.Clamp(left.Ticks, 0, timeout.Ticks);
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
            DropEnded();
        if (wasOnline && !IsOnline)
            GoOffline(background: true);
        else
            MarkAliveIfDue(now);
        PutAgain();
    }

    /// <summary>Queues an online user whose state is not stored, because reachability was switched on.</summary>
    public void Reconsider() => Continue(_sync.Reconsider(IsOnline, Service.Configuration));

    /// <summary>Returns the live sessions, and whether the anonymous session is one of them.</summary>
    public (List<LiveSession> Sessions, bool Recovering) List(long now) => _sessions.List(now);

    /// <summary>Removes the user from the index of SIDs. The user is about to leave the shard.</summary>
    public void Leave() => SetSid(default);

    /// <summary>Takes the state for the writer's decision; null if nothing is to be decided.</summary>
    public PresenceSnapshot? TakeSnapshot(bool background) =>
        _sync.TakeSnapshot(background, IsOnline, Sid) is { } snapshot
            ? snapshot with { LastKnown = _lastKnown > 0 ? DateTimeOffset.FromUnixTimeSeconds(_lastKnown) : null }
            : null;

    /// <summary>
    /// Notes that the store holds the user online, since this uptime. The first mark is due a spread earlier than later ones.
    /// </summary>
    public void NoteStoredAlive(TimeSpan uptime) => _aliveAt = (int)(uptime - Spread).TotalSeconds;

    /// <summary>Notes that the user could not be marked as alive.</summary>
    public void RetryAliveMark() => _aliveAt = -(int)Limits.AliveInterval.TotalSeconds;

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

    /// <summary>
    /// Returns the sessions that the deletion of the user ends, and those that ended shortly before, each with the uptime up to which its
    /// id stays ended. That is at least as long as the tombstone is kept, unless the service instance has too many deleted users.
    /// </summary>
    public List<(SessionId Session, TimeSpan Until)> FindSessionsToEnd(TimeSpan retention)
    {
        var now = Shard.Clock.Now;
        var isKept = _sessions.Ended is { IsOfDeletedUser: true } || Service.RememberedDeletedUsers < Limits.RememberedDeletedUsers;
        var kept = isKept ? now + retention.Ticks : now;
        var ended = new List<(SessionId, TimeSpan)>(_sessions.Count);
        for (var index = 0; index < _sessions.Count; index++)
        {
            var session = _sessions[index];
            if (!session.IsAnonymous && session.LeaseEnd > now)
                ended.Add((session.Id.Unpack(), Shard.Clock.ToUptime(Math.Max(session.LeaseEnd, kept))));
        }
        // A session that ended shortly before must not bring the user back either.
        foreach (var (id, until) in _sessions.Ended?.List(now) ?? [])
            ended.Add((id, Shard.Clock.ToUptime(Math.Max(until, kept))));
        return ended;
    }

    /// <summary>Ends all sessions and remembers their ids, because the user was deleted.</summary>
    /// <param name="retention">How long the tombstone of the user is kept.</param>
    /// <param name="stored">The sessions whose end is stored already.</param>
    public void Delete(TimeSpan retention, IReadOnlyList<(SessionId Session, TimeSpan Until)> stored)
    {
        SetSid(default);
        _sync.Forget(PresenceErrors.SessionEnded());
        var now = Shard.Clock.Now;
        foreach (var (session, until) in FindSessionsToEnd(retention))
        {
            var end = Shard.Clock.FromUptime(until);
            (_sessions.Ended ??= new EndedSessions()).Extend(session, end, now);
            Shard.Wheel.PutBy(this, end);
            if (retention > TimeSpan.Zero)
                CountAsDeleted();
            // A heartbeat began the session after the deletion was decided.
            if (!stored.Any(known => known.Session == session))
                Shard.Queue.Requeue(new StoreEndedSession(Service, Identity, session, until, evicted: default));
        }
        RemoveAll();
        Shard.RemoveIfIdle(this);
    }

    private TimeSpan Spread => TimeSpan.FromSeconds((uint)Hash % (uint)Limits.AliveSpread.TotalSeconds);

    private TimeSpan LastAlive => TimeSpan.FromSeconds(_aliveAt) + Spread;

    // An anonymous session does not show that the user is alive.
    private void MarkAliveIfDue(long now)
    {
        if (_sessions.Count > (_sessions.HasAnonymous ? 1 : 0)
            && Service.Configuration.ReachabilityEnabled
            && Shard.Clock.ToUptime(now).TotalSeconds - _aliveAt >= Limits.AliveInterval.TotalSeconds)
        {
            _aliveAt = (int)Shard.Clock.ToUptime(now).TotalSeconds;
            Shard.AwaitAliveMark(this);
        }
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
            case PresenceSync.Next.Requeue:
                Requeue();
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

    private void Requeue()
    {
        if (_sync.TryUseEntry(background: false))
            return;
        Shard.Queue.Requeue(new StorePresence(this, background: false));
        _sync.MarkQueued(background: false);
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

    private void SetOwner(ref LiveSession session, HeartbeatStream? stream)
    {
        var former = session.Owner;
        // A heartbeat that arrives late over the stream before a reconnect must not take the session back: the end of that stream, which
        // follows, would end the session.
        if (stream is not null && former is not null && stream.IsOlderThan(former))
            return;
        session.Owner = stream is { EndSessionsOnClose: true } && !stream.TryKeep(this) ? null : stream;
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

    private long Remember(SessionId id, long until, long now, out SessionId evicted)
    {
        until = (_sessions.Ended ??= new EndedSessions()).Add(id, until, now, out evicted);
        Shard.Wheel.PutBy(this, until);
        return until;
    }

    private void CountAsDeleted()
    {
        if (_sessions.Ended is not { IsOfDeletedUser: false } ended)
            return;
        ended.IsOfDeletedUser = true;
        Service.CountDeletedUser(1);
    }

    private void DropEnded()
    {
        if (_sessions.Ended is { IsOfDeletedUser: true })
            Service.CountDeletedUser(-1);
        _sessions.Ended = null;
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
        DropEnded();
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
