using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// Stores the tracked presence of a user as it is at the moment of the decision. No other class decides about stored presence.
/// </summary>
internal sealed class StorePresence(TrackedUser user, bool background) : Command
{
    private PresenceSnapshot? _snapshot;
    private PresenceException? _error;
    private UserSid? _sid;
    private long _switchRevision;
    private QueueEntry _entry;
    private TimeSpan? _aliveAt; // set when the user is stored online

    /// <inheritdoc/>
    internal override void Decide(CommandBatch batch)
    {
        if (batch.IsDeletedHere(user.Service.Sid, user.Identity))
        {
            // This transaction deletes the user, and the tracker is notified only after the commit. The entry is decided in the next
            // transaction.
            _entry = QueueEntry.Deferred;
            return;
        }
        lock (user.Shard.Gate)
            _snapshot = user.TakeSnapshot(background);
        _entry = QueueEntry.Used;
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
    internal override void Complete(ITrackedUsers users)
    {
        lock (user.Shard.Gate)
        {
            if (_aliveAt is { } uptime)
                user.NoteStoredAlive(uptime);
            if (_entry == QueueEntry.Deferred)
                user.Requeue(background);
            else if (_snapshot is not { } snapshot)
                return;
            else if (_error is null)
                user.MarkStored(snapshot, _switchRevision, _sid);
            else
                user.Reject(_error);
        }
    }

    /// <inheritdoc/>
    internal override void Fail(PresenceException reason)
    {
        lock (user.Shard.Gate)
        {
            if (_snapshot is { } snapshot)
                user.Retry(snapshot, reason);
            else if (_entry != QueueEntry.Used)
                user.FailQueued(background, reason);
            // Otherwise another entry of the batch has the snapshot, and queues the user again.
        }
    }

    /// <inheritdoc/>
    internal override void Reset()
    {
        if (_snapshot is { } snapshot)
        {
            lock (user.Shard.Gate)
                user.Retry(snapshot, new PresenceException(ErrorReason.Internal, "Another command of the same batch failed."));
        }
        _snapshot = null;
        _error = null;
        _aliveAt = null;
        _entry = QueueEntry.Waiting;
    }

    /// <inheritdoc/>
    internal override void FailPermanently(PresenceException reason)
    {
        lock (user.Shard.Gate)
            user.Reject(reason);
    }

    private void Store(CommandBatch batch, PresenceSnapshot snapshot)
    {
        var service = batch.Service(user.Service.Sid);
        if (service.Record.Id != user.Service.Id)
            throw PresenceErrors.ServiceInstanceNotFound(user.Service.Sid);
        var configuration = service.Record.Configuration;
        _switchRevision = configuration.SwitchRevision;

        var stored = batch.Store.FindUser(service.Record.Id, new UserKey(user.Identity));
        if (stored is not null && snapshot.Sid != default && snapshot.Sid != stored.Sid && !snapshot.MayCreate)
            throw PresenceErrors.UserNotFound(snapshot.Sid); // another user took the identity after the SID was read
        _sid = stored?.Sid;
        if (stored is null)
        {
            if (!snapshot.IsOnline && !snapshot.CameOnline)
                return;
            if (!snapshot.MayCreate || !configuration.AutoCreateUsers)
                throw PresenceErrors.UserNotFound(user.Identity);
            Create(batch, service, snapshot);
        }
        else if (Transition(stored, snapshot, configuration, service.NextRevision, batch) is { } changed)
        {
            NoteAlive(changed, batch);
            service.TakeRevision();
            batch.Store.UpdatePresence(changed);
            service.Add(changed, changed.ReasonsSince(service.Record.Revision - 1), previous: stored.Revision);
        }
    }

    private void Create(CommandBatch batch, ServiceBatch service, PresenceSnapshot snapshot)
    {
        var created = batch.NewUser(service, user.Identity);
        created = Transition(created, snapshot, service.Record.Configuration, service.NextRevision, batch) ?? created;
        NoteAlive(created, batch);
        created = batch.Insert(service, created);
        service.Add(created, created.ReasonsSince(service.Record.Revision - 1), previous: 0);
        _sid = created.Sid;
    }

    private void NoteAlive(UserRecord user, CommandBatch batch)
    {
        if (user.IsOnline)
            _aliveAt = batch.Uptime;
    }

    /// <summary>Returns the user after the transition. Null if the snapshot is already stored, or reachability is off.</summary>
    private static UserRecord? Transition(
        UserRecord user, PresenceSnapshot snapshot, ServiceConfiguration configuration, long revision, CommandBatch batch)
    {
        if (!configuration.ReachabilityEnabled)
            return null;
        var wasKnown = user.IsKnown(configuration);
        if (wasKnown ? user.IsOnline == snapshot.IsOnline : !snapshot.IsOnline && !snapshot.CameOnline)
            return null;
        return user with
        {
            Revision = revision,
            OnlineRevision = revision,
            IsOnline = snapshot.IsOnline,
            LastOnlineTime = snapshot.IsOnline ? null : snapshot.LastKnown is { } known && known < batch.Now ? known : batch.Now,
            LastAlive = batch.Uptime,
            KnownRevision = wasKnown ? user.KnownRevision : revision,
            NotifiableRevision = !wasKnown && user.HadBinding ? revision : user.NotifiableRevision,
        };
    }

    /// <summary>What became of this entry of the queue.</summary>
    private enum QueueEntry : byte
    {
        Waiting,

        /// <summary>The next transaction decides it.</summary>
        Deferred,

        /// <summary>This transaction took the state, or found that another entry had taken it.</summary>
        Used,
    }
}
