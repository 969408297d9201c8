using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Presence;

/// <content>The writer's side: it takes what the cell says, and tells the cell what became of it. All of these take the gate.</content>
public abstract partial class PresenceCell
{
    /// <summary>Takes the state to decide on. The queue may hold a cell twice; the second take finds nothing and returns null.</summary>
    internal PresenceSnapshot? Take(bool background)
    {
        lock (Gate)
        {
            NoteLeft(background);
            if (!_isQueued)
                return null;
            var snapshot = new PresenceSnapshot(Vouched, _cameOnline, _mayCreate, Sid);
            _isQueued = false;
            _isTaken = true;
            _cameOnline = false;
            _mayCreate = false;
            _waiters?.Take();
            return snapshot;
        }
    }

    /// <summary>The snapshot is stored, or needed no storing.</summary>
    internal void Settle(PresenceSnapshot snapshot, long switchRevision, UserSid? sid)
    {
        lock (Gate)
        {
            _isTaken = false;
            _decidedVouched = snapshot.Vouched;
            _decidedSwitch = switchRevision;
            SetSid(sid ?? default);
            _waiters?.Complete();
            if (_waiters is { IsEmpty: true })
                _waiters = null;
            // Reachability may have been switched between the decision and now; the sweep of the switch saw this cell as pending and left it.
            if (!_isQueued && Vouched && !IsSettled)
                Enqueue(background: true);
            if (!_isQueued)
                OnSettled();
        }
    }

    /// <summary>The snapshot could not be stored: whoever waits is told, and the cell is queued again.</summary>
    internal void Retry(PresenceSnapshot snapshot, PresenceException reason)
    {
        lock (Gate)
        {
            _isTaken = false;
            _cameOnline |= snapshot.CameOnline;
            _mayCreate |= snapshot.MayCreate;
            FailWaiters(reason);
            Enqueue(background: true);
        }
    }

    /// <summary>The store failed before the cell was taken: whoever waits is told, and the cell is queued again.</summary>
    internal void FailQueued(bool background, PresenceException reason)
    {
        lock (Gate)
        {
            NoteLeft(background);
            if (!_isQueued)
                return;
            _waiters?.FailQueued(reason);
            Enqueue(background: true);
        }
    }

    /// <summary>The writer put the cell off: it is queued again, unless its user's deletion has emptied it in between.</summary>
    internal void Requeue(bool background)
    {
        lock (Gate)
        {
            NoteLeft(background);
            if (_isQueued)
                Enqueue(background);
        }
    }

    /// <summary>The user does not exist and may not be created, or there is no room for another.</summary>
    internal void Refuse(PresenceException reason)
    {
        lock (Gate)
        {
            _waiters?.FailTaken(reason);
            if (_isQueued && _mayCreate)
            {
                // In between somebody named the user by identity, and may create it: that is decided on its own.
                _isTaken = false;
                return;
            }
            Reset();
            FailWaiters(reason);
            OnRefused();
            OnSettled();
        }
    }

    /// <summary>The user was deleted: whoever waits for one of its sessions learns that the session ended.</summary>
    internal void Delete()
    {
        lock (Gate)
        {
            Reset();
            FailWaiters(PresenceErrors.SessionEnded());
            OnDeleted();
            OnSettled();
        }
    }

    private void Reset()
    {
        Vouched = false;
        SetSid(default);
        _cameOnline = false;
        _mayCreate = false;
        _isQueued = false;
        _isTaken = false;
        _decidedVouched = false;
        _decidedSwitch = -1;
    }

    private void NoteLeft(bool background)
    {
        if (background)
            _isInBackground = false;
        else
            _isAmongCallers = false;
    }

    private void FailWaiters(PresenceException reason)
    {
        _waiters?.FailTaken(reason);
        _waiters?.FailQueued(reason);
        _waiters = null;
    }
}
