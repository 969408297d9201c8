using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Changes;

/// <summary>Brings what is stored of a user's presence in line with the user's cell: the only place that decides about it.</summary>
internal sealed class PresenceChange(UserCell cell, bool background) : Change
{
    private CellSnapshot? _snapshot;
    private PresenceException? _refusal;
    private UserSid? _sid;
    private long _switchRevision;
    private bool _isDeferred;

    /// <inheritdoc/>
    internal override void Decide(ChangeBatch batch)
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
    internal override void Complete(IUserCells cells)
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
    internal override void Undecide()
    {
        if (_snapshot is { } snapshot)
            cell.Retry(snapshot, new PresenceException(ErrorReason.Internal, "A change beside this one is faulty."));
        _snapshot = null;
        _refusal = null;
        _isDeferred = false;
    }

    /// <inheritdoc/>
    internal override void Abandon(PresenceException reason) => cell.Refuse(reason);

    private void Decide(ChangeBatch batch, CellSnapshot snapshot)
    {
        var service = batch.Service(cell.Service.Sid);
        if (service.Record.Id != cell.Service.Id)
            throw Refusals.ServiceInstanceNotFound(cell.Service.Sid);
        var configuration = service.Record.Configuration;
        _switchRevision = configuration.SwitchRevision;

        var stored = batch.Store.FindUser(service.Record.Id, new UserKey(cell.Identity));
        if (stored is not null && snapshot.Sid != default && snapshot.Sid != stored.Sid && !snapshot.MayCreate)
            throw Refusals.UserNotFound(snapshot.Sid); // named by a SID that was read before another user took the identity
        _sid = stored?.Sid;
        if (stored is null)
        {
            if (!snapshot.Vouched && !snapshot.CameOnline)
                return;
            if (!snapshot.MayCreate || !configuration.AutoCreateUsers)
                throw Refusals.UserNotFound(cell.Identity);
            Create(batch, service, snapshot);
        }
        else if (Transition(stored, snapshot, configuration, service.NextRevision, batch.Now) is { } changed)
        {
            service.TakeRevision();
            batch.Store.UpdatePresence(changed);
            service.Add(changed, changed.ReasonsSince(service.Record.Revision - 1), previous: stored.Revision);
        }
    }

    private void Create(ChangeBatch batch, ServiceSlot service, CellSnapshot snapshot)
    {
        var created = batch.NewUser(service, cell.Identity);
        created = Transition(created, snapshot, service.Record.Configuration, service.NextRevision, batch.Now) ?? created;
        created = batch.Insert(service, created);
        service.Add(created, created.ReasonsSince(service.Record.Revision - 1), previous: 0);
        _sid = created.Sid;
    }

    /// <summary>The user after the transition, or null when the cell says nothing that is not stored, or reachability is off.</summary>
    private static UserRecord? Transition(
        UserRecord user, CellSnapshot snapshot, ServiceConfiguration configuration, long revision, DateTimeOffset now)
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
