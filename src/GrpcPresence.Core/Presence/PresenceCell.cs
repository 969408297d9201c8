using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// What this process knows of one user's presence, and how much of it is stored. Reachability changes are state, not events: the tracker overwrites
/// the cell, and the writer reads it at commit, so at most one change a user is pending, and it holds the present.
/// </summary>
/// <remarks>
/// Everything is guarded by the gate, the lock of the shard (see <see cref="CellShard.Gate"/>). Members that say so expect the caller to hold it; the
/// others take it.
/// </remarks>
public abstract partial class PresenceCell(CachedService service, Identity identity, CellShard shard)
{
    private StoredWaiters? _waiters; // null when nobody waits
    private long _decidedSwitch = -1; // the switch under which the writer last decided; -1: not yet
    private bool _decidedVouched;
    private bool _cameOnline;
    private bool _mayCreate;
    private bool _isQueued;
    private bool _isAmongCallers; // the callers' lane holds an entry of this cell
    private bool _isInBackground; // the background lane holds one; either may come when nothing is queued any more, and is ignored then
    private bool _isTaken;

    /// <summary>The service instance.</summary>
    public CachedService Service { get; } = service;

    /// <summary>The identity.</summary>
    public Identity Identity { get; } = identity;

    /// <summary>The SID; <c>default</c> until the writer, or a read of the store, has found the user. Under the gate.</summary>
    public UserSid Sid { get; private set; }

    /// <summary>What the cells of the shard share.</summary>
    protected CellShard Shard { get; } = shard;

    private Lock Gate => Shard.Gate;

    /// <summary>Whether any session lives. Under the gate.</summary>
    protected bool Vouched { get; private set; }

    /// <summary>Whether nothing is pending: what is tracked is what is stored, under the present switch. Under the gate.</summary>
    /// <remarks>
    /// A cell that went off and on again is queued, and settled all the same: nobody waits for a decision that stores nothing. One that went on and off
    /// is not: null is to become false.
    /// </remarks>
    protected bool IsSettled => !_isTaken && _decidedVouched == Vouched && (Vouched || !_cameOnline) && IsDecidedUnder(Service.Configuration);

    /// <summary>Whether the writer has still to look at this cell. Under the gate.</summary>
    protected bool IsPending => _isQueued || _isTaken;

    /// <summary>This process vouches for the user: a session lives. Queues the cell when that is not what is stored. Under the gate.</summary>
    protected void Vouch(bool mayCreate)
    {
        if (!Vouched)
        {
            Vouched = true;
            _cameOnline = true;
        }
        _mayCreate |= mayCreate;
        if (!IsSettled)
            Enqueue(background: false);
    }

    /// <summary>This process no longer vouches for the user: the last session is over. Under the gate.</summary>
    protected void Unvouch(bool background)
    {
        if (!Vouched)
            return;
        Vouched = false;
        if (!IsSettled)
            Enqueue(background);
    }

    /// <summary>The user is stored online from before this process began; a session that stands for that lives. Under the gate.</summary>
    protected void Recover(UserSid sid)
    {
        SetSid(sid);
        Vouched = true;
        _decidedVouched = true;
        _decidedSwitch = Service.Configuration.SwitchRevision;
    }

    /// <summary>Queues the cell for the writer as background work when it is not what is stored. Under the gate.</summary>
    protected void Reconsider()
    {
        if (Vouched && !IsSettled)
            Enqueue(background: true);
    }

    /// <summary>
    /// Completes when what is tracked now is stored; faults with the reason when it cannot be, so with ServerStopping when the queue is closed.
    /// Completed already when nothing is pending. Under the gate.
    /// </summary>
    protected Task WhenStored()
    {
        if (IsSettled)
            return Task.CompletedTask;
        if (_isQueued)
            return (_waiters ??= new StoredWaiters()).Queued;
        if (_isTaken)
            return (_waiters ??= new StoredWaiters()).Taken;
        // What is not stored is queued, unless the queue was closed before.
        return (Vouched ? IsSettled : !_decidedVouched) ? Task.CompletedTask : Task.FromException(PresenceErrors.ServerStopping());
    }

    /// <summary>Takes note of the SID that a read found, or the writer. Under the gate.</summary>
    protected void SetSid(UserSid sid)
    {
        if (sid == Sid)
            return;
        OnSidChanging();
        Sid = sid;
    }

    /// <summary>The SID is about to be another: whatever finds the cell by the old one must not any more. Under the gate.</summary>
    protected abstract void OnSidChanging();

    /// <summary>The user does not exist: sessions are forgotten without a trace. Under the gate.</summary>
    protected abstract void OnRefused();

    /// <summary>The user was deleted: sessions end, and their ids are remembered. Under the gate.</summary>
    protected abstract void OnDeleted();

    /// <summary>The writer has looked at the cell and nothing is pending any more; a cell without sessions may go. Under the gate.</summary>
    protected abstract void OnSettled();

    /// <summary>Whether the last decision holds under the configuration. While reachability is off, no decision would store anything.</summary>
    private bool IsDecidedUnder(ServiceConfiguration configuration) =>
        _decidedSwitch == configuration.SwitchRevision || (_decidedSwitch >= 0 && !configuration.ReachabilityEnabled);

    private void Enqueue(bool background)
    {
        // A cell that waits in the background is queued again when somebody waits for it. One entry a lane, so that a store that fails for long
        // does not fill the queue with entries of the same cells.
        if (_isAmongCallers || (background && _isInBackground))
        {
            _isQueued = true;
        }
        else if (Shard.Queue.TryEnqueue(new StorePresence(this, background), background))
        {
            _isQueued = true;
            if (background)
                _isInBackground = true;
            else
                _isAmongCallers = true;
        }
        else
        {
            // Without an entry nobody would ever take the cell, and who waits would wait for ever.
            _isQueued = _isInBackground;
            if (!_isQueued)
                _waiters?.FailQueued(PresenceErrors.ServerStopping());
        }
    }
}
