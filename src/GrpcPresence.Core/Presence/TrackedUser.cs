using System.Runtime.CompilerServices;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence.HandOver;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// A user with live sessions, with remembered ended sessions, or with a state that is not stored yet. The user is online while any session
/// lives, including the anonymous one. Call every member under the part's lock.
/// </summary>
internal sealed class TrackedUser(CachedService service, Identity identity, int hash, TrackerPart part)
{
    /// <summary>The <see cref="Slot"/> of a user that is not in the wheel.</summary>
    public const int NoSlot = -1;

    // The links of the part's table and wheel. Only the table and the wheel write them.
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

    /// <summary>
    /// The store's key of the user, by which the writer finds the user fastest; 0 while it is not known. It belongs to the SID. The
    /// writer's thread reads it without the lock: at worst the store does not find a user that was deleted.
    /// </summary>
    public long StoreId
    {
        get => _sync.StoreId.Unpack(Service.Id);
        private set => _sync.StoreId = PackedStoreId.Pack(Service.Id, value);
    }

    /// <summary>The part, whose lock guards the user.</summary>
    public TrackerPart Part { get; } = part;

    /// <summary>The shard; meaningless outside of a cluster.</summary>
    public Shard Shard => UserTable.ShardOf(Hash);

    public bool IsInWheel => Slot != NoSlot;

    /// <inheritdoc cref="PresenceSync.IsLost"/>
    public bool IsLost => _sync.IsLost;

    /// <summary>Whether the writer has nothing of the user, so that the user can be handed over.</summary>
    public bool IsSettled => !_sync.IsPending && _sessions.Ended is null or { IsSettled: true };

    /// <summary>Whether any session lives.</summary>
    public bool IsOnline => _sessions.Count > 0;

    /// <summary>Whether the part can drop the user.</summary>
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
        var formerEnd = session.LeaseEnd;
        session.LastBeat = now;
        session.LeaseEnd = leaseEnd;
        if (session.Owner != stream && !TrySetOwner(ref session, stream))
            session.LeaseEnd = Math.Max(formerEnd, Math.Min(leaseEnd, now + Debounce)); // as if the close came next
        Part.Wheel.PutBy(this, session.LeaseEnd);
        _sessions.IsUnseen = false;
        if (!wasOnline)
            Part.CameOnline++;
        else if (index < 0)
            MarkAliveIfDue(now); // after a restart, soon enough even if the next one follows in seconds
        Continue(_sync.MarkOnline(isNew: !wasOnline, address.MayCreate, Service.Configuration));
        return new HeartbeatResult(null, WhenStored());
    }

    /// <summary>Ends a session at once, and remembers its id.</summary>
    public SessionEnd End(SessionId id, long now, long timeout)
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
        var remembered = StoreEnd(id);
        if (IsOnline)
            return new SessionEnd(remembered);
        if (index >= 0)
            GoOffline(background: false);
        return new SessionEnd(remembered, WhenStored());
    }

    /// <summary>Shortens the leases of the sessions that a stream still owns, because the client closed it.</summary>
    public void Close(HeartbeatStream stream, long now)
    {
        var latest = now + Debounce;
        for (var index = 0; index < _sessions.Count; index++)
        {
            ref var session = ref _sessions[index];
            if (session.Owner != stream)
                continue;
            session.Owner = null;
            session.LeaseEnd = Math.Min(session.LeaseEnd, latest);
            Part.Wheel.PutBy(this, session.LeaseEnd);
        }
    }

    /// <summary>
    /// Adds the anonymous session, because the store held the user online before the start. Its lease is shorter than one timeout, or ends
    /// at once, for a user that no process has known alive for longer than <see cref="Limits.MaxUnseen"/>: otherwise a server that crashes
    /// in a loop would keep the user online.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // a start ends before the runtime compiles a method again
    public void Recover(in StoredOnlineUser stored, long now)
    {
        SetSid(stored.Sid, stored.Id);
        NoteStoredAlive(stored.LastAlive);
        var timeout = Service.Configuration.SessionTimeout;
        var left = Limits.MaxUnseen + timeout - (Part.TakenOver(this).Total - LastAlive);
        ref var session = ref _sessions[_sessions.HasAnonymous ? _sessions.IndexOf(default) : _sessions.Add(default)];
        session.LeaseEnd = Math.Max(session.LeaseEnd, now + Math.Clamp(left.Ticks, 0, timeout.Ticks));
        Part.Wheel.PutBy(this, session.LeaseEnd);
        _sessions.IsUnseen = _sessions.Count == 1;
        _sync.MarkRecovered(Service.Configuration);
    }

    /// <summary>Remembers the id of a session that ended before the start.</summary>
    public void RecoverEnded(SessionId id, long until, long now)
    {
        // A broken hand-over may have brought a session that its holder ended afterwards.
        if (_sessions.IndexOf(id) is >= 0 and var index)
            Remove(index);
        (_sessions.Ended ??= new EndedSessions()).AddStored(id, until, now);
        Part.Wheel.PutBy(this, until);
        if (until - now > Limits.MaxSessionTimeout.Ticks)
            CountAsDeleted();
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

    /// <summary>Returns the user for another node, with durations from the moment at which the shard was sealed.</summary>
    /// <exception cref="InvalidOperationException">The writer still has something of the user.</exception>
    public HandedUser HandOver(long sealedAt, long now)
    {
        if (!IsSettled)
            throw new InvalidOperationException("A user is handed over before its changes are settled.");
        var sessions = new HandedSession[_sessions.Count];
        for (var index = 0; index < sessions.Length; index++)
        {
            var session = _sessions[index];
            sessions[index] = new HandedSession(
                session.Id.Unpack(),
                new TimeSpan(Math.Max(session.LeaseEnd - sealedAt, 0)),
                session.IsAnonymous ? TimeSpan.Zero : new TimeSpan(now - session.LastBeat),
                session.Owner is { Met: not null } owner ? HeartbeatStreams.ToHanded(owner) : null);
        }
        return new HandedUser
        {
            Service = Service.Sid,
            ServiceId = Service.Id,
            Identity = Identity,
            Sid = Sid,
            StoreId = StoreId,
            Presence = _sync.HandOver(),
            AliveAt = HandedAliveAt,
            IsUnseen = _sessions.IsUnseen,
            Sessions = sessions,
            Ended = _sessions.Ended?.HandOver(sealedAt) ?? [],
            IsDeleted = _sessions.Ended is { IsOfDeletedUser: true },
        };
    }

    /// <summary>Begins as another node left the user. <see cref="Resume"/> follows when the shard opens.</summary>
    public void Receive(HandedUser handed, long loadedAt, long now, HeartbeatStreams streams)
    {
        SetSid(handed.Sid, handed.StoreId);
        _sync.Receive(handed.Presence);
        if (handed.IsUnseen)
            NoteStoredAlive(handed.AliveAt);
        else
            _sessions.AliveAt = (int)handed.AliveAt.TotalSeconds;
        _sessions.IsUnseen = handed.IsUnseen;
        foreach (var session in handed.Sessions)
        {
            if (!session.Id.IsEmpty)
                Part.LiveSessions++;
            ref var added = ref _sessions[_sessions.Add(session.Id)];
            added.LeaseEnd = loadedAt + session.Remaining.Ticks;
            added.LastBeat = now - session.SinceBeat.Ticks;
            if (session.Stream is { } stream && !TrySetOwner(ref added, streams.OwnerOf(stream)))
                added.LeaseEnd = Math.Min(added.LeaseEnd, loadedAt + Debounce); // the holder did not know that the stream was closed
        }
        foreach (var end in handed.Ended)
            (_sessions.Ended ??= new EndedSessions()).Receive(end, loadedAt);
        if (handed.IsDeleted)
            CountAsDeleted();
    }

    /// <summary>
    /// Continues the leases after the clock of the shard stood still. Leases that had not run out last at least until the given moment.
    /// </summary>
    /// <param name="by">How long the clock stood still.</param>
    /// <param name="since">The moment since which it stood still.</param>
    /// <param name="atLeast">The moment up to which heartbeats may arrive that waited for the shard.</param>
    public void Resume(long by, long since, long atLeast)
    {
        for (var index = 0; index < _sessions.Count; index++)
        {
            ref var session = ref _sessions[index];
            var hadRunOut = session.LeaseEnd <= since;
            session.LeaseEnd += by;
            if (!hadRunOut && !session.IsAnonymous)
                session.LeaseEnd = Math.Max(session.LeaseEnd, atLeast);
        }
        _sessions.Ended?.Extend(by);
        PutAgain();
    }

    /// <summary>
    /// Leaves the tracker without a transition, because another node has the user. What the writer still has of the user is not stored.
    /// </summary>
    public void Lose()
    {
        _sync.Lose(new ShardMovedException(Shard));
        while (_sessions.Count > 0)
            Remove(_sessions.Count - 1);
        DropEnded();
        Part.Remove(this);
    }

    /// <summary>Forgets what the writer of another node decided, because the store is read instead.</summary>
    public void ForgetStored()
    {
        ForgetStoreId();
        _ = _sync.Reread(isStoredOnline: false, isOnline: false, Service.Configuration);
    }

    /// <summary>
    /// Forgets the sessions that a broken hand-over brought if the store does not hold the user online. Each live session of a settled user
    /// was stored, so the holder has changed the user after the seal was given up.
    /// </summary>
    public void ForgetStaleSessions()
    {
        if (_sync.IsStoredOnline || !Service.Configuration.ReachabilityEnabled)
            return;
        while (_sessions.Count > 0)
            Remove(_sessions.Count - 1);
    }

    /// <summary>
    /// Replaces what is known to be stored by what the store holds now, and queues the user if its state differs.
    /// </summary>
    public void Reread(in StoredOnlineUser? stored)
    {
        if (stored is { } online)
        {
            SetSid(online.Sid, online.Id);
            NoteStoredAlive(online.LastAlive);
        }
        Continue(_sync.Reread(isStoredOnline: stored is not null, IsOnline, Service.Configuration));
    }

    /// <summary>Returns the live sessions, and whether the anonymous session is one of them.</summary>
    public (List<LiveSession> Sessions, bool Recovering) List(long now) => _sessions.List(now);

    /// <summary>Removes the user from the index of SIDs. The user is about to leave the part.</summary>
    public void Leave() => SetSid(default);

    /// <summary>Takes the state for the writer's decision; null if nothing is to be decided.</summary>
    public PresenceSnapshot? TakeSnapshot(bool background) =>
        _sync.TakeSnapshot(background, IsOnline, Sid) is { } snapshot
            ? snapshot with { LastKnown = _sessions.IsUnseen ? LastKnown : null }
            : null;

    /// <summary>
    /// Notes that the store holds the user online, since this uptime. The first mark is due a spread earlier than later ones.
    /// </summary>
    public void NoteStoredAlive(TimeSpan uptime) => _sessions.AliveAt = (int)(uptime - Spread).TotalSeconds;

    /// <summary>Notes that the user could not be marked as alive.</summary>
    public void RetryAliveMark() => (_sessions.AliveAt, _sessions.IsMarkPending) = (-(int)Limits.AliveInterval.TotalSeconds, false);

    /// <summary>Notes that the mark is stored.</summary>
    public void NoteAliveMark() => _sessions.IsMarkPending = false;

    /// <summary>
    /// Notes that the snapshot is stored, and under which SID and key; <c>default</c> if the store does not have the user.
    /// </summary>
    public void MarkStored(PresenceSnapshot snapshot, long switchRevision, UserSid sid, long storeId)
    {
        SetSid(sid, storeId);
        Continue(_sync.MarkStored(snapshot, switchRevision, IsOnline, Service.Configuration));
    }

    /// <summary>Queues the state again, because the snapshot could not be stored.</summary>
    public void Retry(PresenceSnapshot snapshot, PresenceException reason) => Continue(_sync.Retry(snapshot, reason));

    /// <summary>Queues the state again, because the store failed before the entry was decided.</summary>
    public void FailQueued(bool background, PresenceException reason) => Continue(_sync.FailQueued(background, reason));

    /// <summary>Queues an entry again that the writer deferred, unless the user's deletion has emptied the state since.</summary>
    public void Requeue(bool background) => Continue(_sync.Requeue(background));

    /// <summary>Forgets the store's key, because the store did not find the user by it.</summary>
    public void ForgetStoreId() => StoreId = 0;

    /// <summary>
    /// The store may have lost commits. Forgets the store's key, and stores the remembered ends of sessions again: a node that takes the
    /// shard over later knows only what is stored.
    /// </summary>
    public void RepeatAfterLoss()
    {
        ForgetStoreId();
        if (_sessions.Ended is { } ended && ended.MarkUnstored())
            QueueRepetition(ended);
    }

    /// <summary>
    /// Queues another command for the ends of sessions, because the store failed. Not for a user that another node has, nor if a later
    /// command stores them: its commits may have been lost as well.
    /// </summary>
    public void RetryRepetition(StoreEndedSessions failed)
    {
        if (_sessions.Ended is { } ended && ended.Repetition == failed)
            QueueRepetition(ended);
    }

    /// <summary>Notes that the command is stored, or will not be.</summary>
    public void EndRepetition(StoreEndedSessions command)
    {
        if (_sessions.Ended is { } ended && ended.Repetition == command)
            ended.Repetition = null;
    }

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
    /// id stays ended. That is at least as long as the tombstone is kept, unless the service instance has too many deleted users. Of more
    /// ids than are remembered, live sessions come first, and then those that ended last.
    /// </summary>
    public SessionsToEnd FindSessionsToEnd(TimeSpan retention)
    {
        var now = Part.Clock.Now;
        var isKept = _sessions.Ended is { IsOfDeletedUser: true } || Service.RememberedDeletedUsers < Limits.RememberedDeletedUsers;
        var kept = isKept ? now + retention.Ticks : now;
        var ids = new List<(SessionId Id, long Until)>(_sessions.Count);
        for (var index = 0; index < _sessions.Count; index++)
        {
            var session = _sessions[index];
            if (!session.IsAnonymous && session.LeaseEnd > now)
                ids.Add((session.Id.Unpack(), session.LeaseEnd));
        }
        // A session that ended shortly before must not bring the user back either.
        ids.AddRange((_sessions.Ended?.List(now) ?? []).OrderByDescending(ended => ended.Until));
        return new SessionsToEnd(
            [.. ids.Take(Limits.EndedSessionsPerUser).Select(ended => (ended.Id, Part.Clock.ToUptime(Math.Max(ended.Until, kept))))],
            [.. ids.Skip(Limits.EndedSessionsPerUser).Select(ended => ended.Id)]);
    }

    /// <summary>Ends all sessions and remembers their ids, because the user was deleted.</summary>
    /// <param name="retention">How long the tombstone of the user is kept.</param>
    /// <param name="stored">The sessions whose end is stored already.</param>
    public void Delete(TimeSpan retention, SessionsToEnd stored)
    {
        SetSid(default);
        _sync.Forget(PresenceErrors.SessionEnded());
        var ended = FindSessionsToEnd(retention).Ended;
        if (ended.Count > 0)
        {
            var ids = stored.Ended.Select(known => known.Session).ToHashSet();
            _sessions.Ended ??= new EndedSessions();
            _sessions.Ended.Replace(ended.Select(known => (known.Session, Part.Clock.FromUptime(known.Until))), ids);
            Part.Wheel.PutBy(this, _sessions.Ended.FirstEnd);
            if (retention > TimeSpan.Zero)
                CountAsDeleted();
            // A heartbeat began a session after the deletion was decided.
            if (ended.Any(known => !ids.Contains(known.Session)) && _sessions.Ended.Pending is not { Completion.IsCompleted: false })
                Part.Queue.Requeue(_sessions.Ended.Pending = new StoreEndedSessions(this));
        }
        RemoveAll();
        Part.RemoveIfIdle(this);
    }

    /// <summary>Takes what the command has to store of the ended sessions.</summary>
    public UnstoredEnds TakeUnstoredEnds(StoreEndedSessions command) =>
        _sessions.Ended?.TakeUnstored(command) ?? new UnstoredEnds([], [], Losses: 0);

    /// <summary>Notes that the ends of the sessions are stored.</summary>
    public void MarkEndsStored(UnstoredEnds stored) => _sessions.Ended?.MarkStored(stored);

    private long Debounce => Service.Configuration.OfflineDebounce.Ticks;

    private TimeSpan Spread => TimeSpan.FromSeconds((uint)Hash % (uint)Limits.AliveSpread.TotalSeconds);

    private TimeSpan LastAlive => TimeSpan.FromSeconds(_sessions.AliveAt) + Spread;

    // A mark that is not stored yet is lost with the shard. So the next one is due at once.
    private TimeSpan HandedAliveAt => _sessions.IsUnseen ? LastAlive
        : _sessions.IsMarkPending ? -Limits.AliveInterval
        : TimeSpan.FromSeconds(_sessions.AliveAt);

    /// <summary>
    /// When an earlier process last knew the user alive. A user that was not seen for so long was not online when that process ended.
    /// </summary>
    private DateTimeOffset? LastKnown
    {
        get
        {
            var takenOver = Part.TakenOver(this);
            var unseen = takenOver.Total - LastAlive;
            return takenOver.AliveTime - (unseen > Limits.MaxUnseen ? unseen : TimeSpan.Zero);
        }
    }

    // An anonymous session does not show that the user is alive.
    private void MarkAliveIfDue(long now)
    {
        if (_sessions.Count > (_sessions.HasAnonymous ? 1 : 0)
            && Service.Configuration.ReachabilityEnabled
            && Part.Clock.ToUptime(now).TotalSeconds - _sessions.AliveAt >= Limits.AliveInterval.TotalSeconds)
        {
            (_sessions.AliveAt, _sessions.IsMarkPending) = ((int)Part.Clock.ToUptime(now).TotalSeconds, true);
            Part.AwaitAliveMark(this);
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
                Part.RemoveIfIdle(this);
                break;
        }
    }

    private void Enqueue(bool background)
    {
        if (_sync.TryUseEntry(background))
            return;
        if (Part.Queue.TryEnqueue(new StorePresence(this, background), background))
            _sync.MarkQueued(background);
        else
            _sync.MarkQueueClosed();
    }

    private void Requeue()
    {
        if (_sync.TryUseEntry(background: false))
            return;
        Part.Queue.Requeue(new StorePresence(this, background: false));
        _sync.MarkQueued(background: false);
    }

    // The index must not find the user by a SID that is no longer the user's.
    private void SetSid(UserSid sid, long storeId = 0)
    {
        if (storeId != 0 || sid != Sid)
            StoreId = storeId;
        if (sid == Sid)
            return;
        if (Sid != default)
            Part.Sids.Remove(Service, Sid);
        Sid = sid;
    }

    private void IndexBy(UserSid sid)
    {
        SetSid(sid);
        Part.Sids.Add(Service, sid, Identity);
    }

    private int Begin(SessionId id)
    {
        if (_sessions.Count - (_sessions.HasAnonymous ? 1 : 0) >= Limits.SessionsPerUser)
            Remove(_sessions.LeastRecentlyRenewed());
        Part.LiveSessions++;
        return _sessions.Add(id);
    }

    /// <summary>
    /// Makes the stream the owner, unless a newer one is. Returns false, and leaves no owner, if the stream was closed and its sessions
    /// ended with it: in a cluster a heartbeat may arrive after the close.
    /// </summary>
    private bool TrySetOwner(ref LiveSession session, HeartbeatStream? stream)
    {
        var former = session.Owner;
        // A heartbeat that arrives late over the stream before a reconnect must not take the session back: the end of that stream, which
        // follows, would end the session.
        if (stream is not null && former is not null && stream.IsOlderThan(former))
            return true;
        var isClosed = stream is { EndSessionsOnClose: true } && !stream.TryKeep(this);
        session.Owner = isClosed ? null : stream;
        Disown(former);
        return !isClosed;
    }

    private void Remove(int index)
    {
        var session = _sessions[index];
        if (!session.IsAnonymous)
            Part.LiveSessions--;
        _sessions.RemoveAt(index);
        Disown(session.Owner);
    }

    // A long-lived stream must not keep users whose sessions have ended or moved to another stream.
    private void Disown(HeartbeatStream? stream)
    {
        if (stream is not null && !_sessions.HasAnyOf(stream))
            stream.Forget(this);
    }

    private void Remember(SessionId id, long until, long now) =>
        Part.Wheel.PutBy(this, (_sessions.Ended ??= new EndedSessions()).Add(id, until, now));

    /// <summary>Completes when the end of the session is stored.</summary>
    private Task StoreEnd(SessionId id)
    {
        var ended = _sessions.Ended!;
        if (ended.IsStored(id))
            return Task.CompletedTask;
        if (ended.Pending is { Completion.IsCompleted: false } pending)
            return pending.Completion;
        ended.Pending = new StoreEndedSessions(this);
        return Part.Queue.SubmitAsync(ended.Pending);
    }

    private void QueueRepetition(EndedSessions ended)
    {
        var command = new StoreEndedSessions(this, isRepetition: true);
        ended.Repetition = Part.Queue.TryEnqueue(command, background: true) ? command : null;
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
        Part.WentOffline++;
        Continue(_sync.MarkOffline(background, Service.Configuration));
    }

    private void RemoveAll()
    {
        if (IsOnline)
            Part.WentOffline++;
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
            Part.Wheel.Put(this, due);
        else
            Part.Wheel.Remove(this);
        Part.RemoveIfIdle(this);
    }
}
