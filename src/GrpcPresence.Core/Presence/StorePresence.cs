using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Overlay;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// Stores the tracked presence of a user as it is at the moment of the decision. No other class decides about stored presence.
/// </summary>
internal sealed class StorePresence(TrackedUser user, bool background) : Command
{
    private PresenceSnapshot? _snapshot;
    private PresenceException? _error;
    private UserSid _sid;
    private long _storeId;
    private long _switchRevision;
    private QueueEntry _entry;
    private TimeSpan? _aliveAt; // set when the user is stored online

    /// <inheritdoc/>
    internal override bool IsOfTracker => true;

    /// <inheritdoc/>
    public override CommandSubject Subject => new(user.Service.Sid, new UserKey(user.Identity));

    /// <inheritdoc/>
    internal override ServiceSid? Target => user.Service.Sid;

    /// <inheritdoc/>
    internal override void Collect(KeyCollector keys) => keys.Transition(user.Service.Sid, user.Identity, user.StoreId);

    /// <inheritdoc/>
    internal override void Decide(CommandBatch batch)
    {
        if (batch.IsDeletedHere(user.Service.Sid, user.Identity))
        {
            // This commit deletes the user, and the tracker is notified only after it. The next one decides the entry. A snapshot from an
            // earlier decision ends with the sessions of the user.
            _entry = _snapshot is null ? QueueEntry.Deferred : QueueEntry.Dropped;
            return;
        }
        lock (user.Part.Gate)
        {
            if (user.IsLost)
            {
                // The shard may have come back meanwhile. Then this state is older than what its holders have stored since.
                (_entry, _snapshot) = (QueueEntry.Dropped, null);
                return;
            }
            if (_entry == QueueEntry.Waiting)
            {
                _snapshot = user.TakeSnapshot(background);
                _entry = QueueEntry.Used;
            }
        }
        if (_snapshot is not { } snapshot)
            return;
        try
        {
            Store(batch, snapshot);
        }
        catch (PresenceException error) when (error is not StorageException)
        {
            _error = error;
        }
    }

    /// <inheritdoc/>
    internal override void Settle(CounterShift shift) =>
        (_storeId, _switchRevision) = (shift.UserId(_storeId), shift.Revision(_switchRevision));

    /// <inheritdoc/>
    internal override void Complete(ITrackedUsers users)
    {
        lock (user.Part.Gate)
        {
            if (_aliveAt is { } uptime)
                user.NoteStoredAlive(uptime);
            if (_entry == QueueEntry.Deferred)
                user.Requeue(background);
            else if (_entry == QueueEntry.Missed)
                TryByIdentity();
            else if (_entry == QueueEntry.Dropped || _snapshot is not { } snapshot)
                return;
            else if (_error is null)
                user.MarkStored(snapshot, _switchRevision, _sid, _storeId);
            else
                user.Reject(_error);
        }
    }

    /// <inheritdoc/>
    internal override void Fail(PresenceException reason)
    {
        lock (user.Part.Gate)
        {
            if (user.IsLost)
                _entry = QueueEntry.Dropped;
            else if (_snapshot is { } snapshot)
                user.Retry(snapshot, reason);
            else if (_entry != QueueEntry.Used)
                user.FailQueued(background, reason);
            // Otherwise another entry of the batch has the snapshot, and queues the user again.
        }
        // The user is queued by another entry. If the commit turns out to have happened, this one must not be decided again: its state is
        // older by then.
        if (_entry is QueueEntry.Deferred or QueueEntry.Missed)
            _entry = QueueEntry.Dropped;
    }

    /// <inheritdoc/>
    internal override void Reset()
    {
        // The snapshot stays taken, so that the callers that wait for it go on waiting.
        _error = null;
        _aliveAt = null;
        _entry = _snapshot is null && _entry != QueueEntry.Used ? QueueEntry.Waiting : QueueEntry.Used;
    }

    /// <inheritdoc/>
    internal override void FailPermanently(PresenceException reason)
    {
        lock (user.Part.Gate)
        {
            // The entry has left the queue, also if it was not decided.
            if (_entry == QueueEntry.Waiting)
                _snapshot = user.TakeSnapshot(background);
            _entry = QueueEntry.Dropped;
            if (reason is ShardMovedException)
                user.Lose(); // the rest of the shard follows when it is closed
            else
                user.Reject(reason);
        }
    }

    private void Store(CommandBatch batch, PresenceSnapshot snapshot)
    {
        var service = batch.Service(user.Service.Sid);
        if (service.Id != user.Service.Id)
            throw PresenceErrors.ServiceInstanceNotFound(user.Service.Sid);
        var configuration = service.Configuration;
        _switchRevision = configuration.SwitchRevision;

        var stored = service.Rows.FindPresence(user.Identity);
        if (stored == UserEntry.Unknown)
        {
            _entry = QueueEntry.Missed;
            return;
        }
        if (stored is not null && snapshot.Sid != default && snapshot.Sid != stored.Sid && !snapshot.MayCreate)
            throw PresenceErrors.UserNotFound(snapshot.Sid); // another user took the identity after the SID was read
        (_sid, _storeId) = stored is null ? default : (stored.Sid, stored.Id);
        if (stored is null)
        {
            if (!snapshot.IsOnline && !snapshot.CameOnline)
                return;
            if (!snapshot.MayCreate || !configuration.AutoCreateUsers)
                throw PresenceErrors.UserNotFound(user.Identity);
            Create(batch, service, snapshot);
            return;
        }
        var before = stored.Presence;
        if (Transition(before, stored.HadBinding, snapshot, configuration, service.NextRevision, batch) is not { } after)
            return;
        NoteAlive(after, batch);
        service.TakeRevision();
        service.Rows.Update(stored, after);
        if (stored.Record is { } record)
            service.Add(record, record.ReasonsSince(service.Revision - 1), previous: before.Revision);
        else
            service.AddUnread();
    }

    /// <summary>Decides again in the next commit. The snapshot stays taken.</summary>
    private void TryByIdentity()
    {
        user.ForgetStoreId();
        _entry = QueueEntry.Used;
        user.Part.Queue.Requeue(this);
    }

    private void Create(CommandBatch batch, ServiceBatch service, PresenceSnapshot snapshot)
    {
        var created = batch.NewUser(service, user.Identity);
        var presence = UserPresence.Of(created);
        if (Transition(presence, hadBinding: false, snapshot, service.Configuration, service.NextRevision, batch) is { } after)
            created = after.ApplyTo(created);
        NoteAlive(UserPresence.Of(created), batch);
        created = CommandBatch.Insert(service, created);
        service.Add(created, created.ReasonsSince(service.Revision - 1), previous: 0);
        (_sid, _storeId) = (created.Sid, created.Id);
    }

    private void NoteAlive(in UserPresence presence, CommandBatch batch)
    {
        if (presence.IsOnline)
            _aliveAt = batch.Uptime;
    }

    /// <summary>Returns the presence after the transition. Null if the snapshot is already stored, or reachability is off.</summary>
    private static UserPresence? Transition(
        in UserPresence before,
        bool hadBinding,
        PresenceSnapshot snapshot,
        ServiceConfiguration configuration,
        long revision,
        CommandBatch batch)
    {
        if (!configuration.ReachabilityEnabled)
            return null;
        var wasKnown = before.IsKnown(configuration);
        if (wasKnown ? before.IsOnline == snapshot.IsOnline : !snapshot.IsOnline && !snapshot.CameOnline)
            return null;
        return new UserPresence
        {
            Revision = revision,
            OnlineRevision = revision,
            IsOnline = snapshot.IsOnline,
            LastOnlineTime = snapshot.IsOnline ? null : snapshot.LastKnown is { } known && known < batch.Now ? known : batch.Now,
            LastAlive = batch.Uptime,
            KnownRevision = wasKnown ? before.KnownRevision : revision,
            NotifiableRevision = !wasKnown && hadBinding ? revision : before.NotifiableRevision,
        };
    }

    /// <summary>What became of this entry of the queue.</summary>
    private enum QueueEntry : byte
    {
        Waiting,

        /// <summary>The next commit decides it.</summary>
        Deferred,

        /// <summary>It took the state, or found that another entry had taken it.</summary>
        Used,

        /// <summary>It took the state, and the store did not find the user by its key.</summary>
        Missed,

        /// <summary>Another entry decides the user, or another command of the commit deletes it.</summary>
        Dropped,
    }
}
