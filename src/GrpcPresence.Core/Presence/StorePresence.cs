using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Presence;

/// <summary>Brings what is stored of a user's presence in line with the user's cell: the only place that decides about it.</summary>
internal sealed class StorePresence(PresenceCell cell, bool background) : Command
{
    private PresenceSnapshot? _snapshot;
    private PresenceException? _refusal;
    private UserSid? _sid;
    private long _switchRevision;
    private bool _isDeferred;

    /// <inheritdoc/>
    internal override void Decide(CommandBatch batch)
    {
        if (batch.IsDeletedHere(cell.Service.Sid, cell.Identity))
        {
            // The cell does not know yet that its user goes in this very transaction; it will have been told when this change comes again.
            _isDeferred = true;
            return;
        }
        _snapshot = cell.Take(background);
        if (_snapshot is not { } snapshot)
            return;
        try
        {
            Decide(batch, snapshot);
        }
        catch (PresenceException refusal) when (refusal is not StorageException)
        {
            _refusal = refusal;
        }
    }

    /// <inheritdoc/>
    internal override void Complete(ITrackedUsers users)
    {
        if (_isDeferred)
            cell.Requeue(background);
        else if (_snapshot is not { } snapshot)
            return;
        else if (_refusal is null)
            cell.Settle(snapshot, _switchRevision, _sid);
        else
            cell.Refuse(_refusal);
    }

    /// <inheritdoc/>
    internal override void Fail(PresenceException reason)
    {
        if (_snapshot is { } snapshot)
            cell.Retry(snapshot, reason);
        else
            cell.FailQueued(background, reason);
    }

    /// <inheritdoc/>
    internal override void Reset()
    {
        if (_snapshot is { } snapshot)
            cell.Retry(snapshot, new PresenceException(ErrorReason.Internal, "A change beside this one is faulty."));
        _snapshot = null;
        _refusal = null;
        _isDeferred = false;
    }

    /// <inheritdoc/>
    internal override void FailPermanently(PresenceException reason) => cell.Refuse(reason);

    private void Decide(CommandBatch batch, PresenceSnapshot snapshot)
    {
        var service = batch.Service(cell.Service.Sid);
        if (service.Record.Id != cell.Service.Id)
            throw PresenceErrors.ServiceInstanceNotFound(cell.Service.Sid);
        var configuration = service.Record.Configuration;
        _switchRevision = configuration.SwitchRevision;

        var stored = batch.Store.FindUser(service.Record.Id, new UserKey(cell.Identity));
        if (stored is not null && snapshot.Sid != default && snapshot.Sid != stored.Sid && !snapshot.MayCreate)
            throw PresenceErrors.UserNotFound(snapshot.Sid); // named by a SID that was read before another user took the identity
        _sid = stored?.Sid;
        if (stored is null)
        {
            if (!snapshot.Vouched && !snapshot.CameOnline)
                return;
            if (!snapshot.MayCreate || !configuration.AutoCreateUsers)
                throw PresenceErrors.UserNotFound(cell.Identity);
            Create(batch, service, snapshot);
        }
        else if (Transition(stored, snapshot, configuration, service.NextRevision, batch.Now) is { } changed)
        {
            service.TakeRevision();
            batch.Store.UpdatePresence(changed);
            service.Add(changed, changed.ReasonsSince(service.Record.Revision - 1), previous: stored.Revision);
        }
    }

    private void Create(CommandBatch batch, ServiceBatch service, PresenceSnapshot snapshot)
    {
        var created = batch.NewUser(service, cell.Identity);
        created = Transition(created, snapshot, service.Record.Configuration, service.NextRevision, batch.Now) ?? created;
        created = batch.Insert(service, created);
        service.Add(created, created.ReasonsSince(service.Record.Revision - 1), previous: 0);
        _sid = created.Sid;
    }

    /// <summary>The user after the transition, or null when the cell says nothing that is not stored, or reachability is off.</summary>
    private static UserRecord? Transition(
        UserRecord user, PresenceSnapshot snapshot, ServiceConfiguration configuration, long revision, DateTimeOffset now)
    {
        if (!configuration.ReachabilityEnabled)
            return null;
        var wasKnown = user.IsKnown(configuration);
        if (wasKnown ? user.IsOnline == snapshot.Vouched : !snapshot.Vouched && !snapshot.CameOnline)
            return null;
        return user with
        {
            Revision = revision,
            OnlineRevision = revision,
            IsOnline = snapshot.Vouched,
            LastOnlineTime = snapshot.Vouched ? null : now,
            KnownRevision = wasKnown ? user.KnownRevision : revision,
            NotifiableRevision = !wasKnown && user.HadBinding ? revision : user.NotifiableRevision,
        };
    }
}
