using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence.HandOver;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// Keeps the stored presence of one user in line with the tracked presence. Presence is state, not a series of events: the writer reads
/// the state at commit, so at most one change per user is pending, and it holds the present state.
/// </summary>
/// <remarks>
/// <code>
///            queue              take                 stored, rejected
///   Stored ---------> Queued ----------> Taken ------------------------> Stored
///                       ^                  | queue
///                       |                  v
///                       +---------- TakenAndQueued
///                        stored, failed, rejected
/// </code>
/// <para>
/// Every method returns what the caller must do next; none calls out. A struct inside <see cref="TrackedUser"/>, because an object for
/// each of a million users would add 24 MB. Guarded by the part's lock.
/// </para>
/// </remarks>
internal struct PresenceSync()
{
    private StoredWaiters? _waiters; // null while no caller waits
    private long _decidedSwitch = -1; // the reachability switch under which the writer last decided; -1 before the first decision
    private Lanes _lanes;
    private Flags _flags;

    /// <summary>How far the writer is with this user.</summary>
    public enum SyncPhase : byte
    {
        /// <summary>The writer has nothing to do.</summary>
        Stored,

        /// <summary>The writer will take the state.</summary>
        Queued,

        /// <summary>The state is part of the commit that runs now.</summary>
        Taken,

        /// <summary>As <see cref="Taken"/>, and the state has changed since.</summary>
        TakenAndQueued,
    }

    /// <summary>What must follow a call.</summary>
    public enum Next
    {
        None,

        /// <summary>Put the user into the writer's queue.</summary>
        Queue,

        /// <summary>Put the user into the writer's queue as background work.</summary>
        QueueInBackground,

        /// <summary>Put the user into the writer's queue again, even a closed one: this state was queued before.</summary>
        Requeue,

        /// <summary>Nothing is pending: a user without sessions can be dropped.</summary>
        Idle,
    }

    // A queue entry can outlive its reason. It is used again rather than added a second time, so that a long outage of the store does not
    // fill the queue.
    [Flags]
    private enum Lanes : byte
    {
        None,
        Callers,
        Background,
    }

    // One byte for all flags, so that the store's key fits beside them.
    [Flags]
    private enum Flags : byte
    {
        None,

        /// <summary>What the last decision stored is online.</summary>
        StoredOnline = 1,

        /// <summary>What the commit that runs now will store is online.</summary>
        TakenOnline = 2,

        CameOnline = 4,

        MayCreate = 8,

        /// <summary>Another node holds the shard of the user.</summary>
        Lost = 16,
    }

    public SyncPhase Phase { get; private set; }

    /// <summary>The store's key of the user. Here, and not in the user, because it fits beside the flags.</summary>
    public PackedStoreId StoreId { get; set; }

    /// <summary>Whether what the last decision stored is online.</summary>
    public bool IsStoredOnline
    {
        readonly get => _flags.HasFlag(Flags.StoredOnline);
        private set => Set(Flags.StoredOnline, value);
    }

    private bool IsTakenOnline
    {
        readonly get => _flags.HasFlag(Flags.TakenOnline);
        set => Set(Flags.TakenOnline, value);
    }

    private bool HasComeOnline
    {
        readonly get => _flags.HasFlag(Flags.CameOnline);
        set => Set(Flags.CameOnline, value);
    }

    private bool MayCreate
    {
        readonly get => _flags.HasFlag(Flags.MayCreate);
        set => Set(Flags.MayCreate, value);
    }

    /// <summary>Whether the writer still has to look at the user.</summary>
    public readonly bool IsPending => Phase != SyncPhase.Stored;

    /// <summary>
    /// Whether another node has taken the user, for good. Whatever the writer still has of this object must not be stored.
    /// </summary>
    public bool IsLost
    {
        readonly get => _flags.HasFlag(Flags.Lost);
        private set => Set(Flags.Lost, value);
    }

    private readonly bool IsQueued => Phase is SyncPhase.Queued or SyncPhase.TakenAndQueued;

    private readonly bool IsTaken => Phase is SyncPhase.Taken or SyncPhase.TakenAndQueued;

    /// <summary>Notes that a session lives.</summary>
    /// <param name="isNew">Whether no session lived before.</param>
    /// <param name="mayCreate">Whether the writer may create the user.</param>
    /// <param name="configuration">The configuration in force.</param>
    public Next MarkOnline(bool isNew, bool mayCreate, ServiceConfiguration configuration)
    {
        HasComeOnline |= isNew;
        MayCreate |= mayCreate;
        return IsStored(isOnline: true, configuration) ? Next.None : Next.Queue;
    }

    /// <summary>Notes that the last session ended.</summary>
    public readonly Next MarkOffline(bool background, ServiceConfiguration configuration) =>
        IsStored(isOnline: false, configuration) ? Next.None : background ? Next.QueueInBackground : Next.Queue;

    /// <summary>Notes that the store holds the user online from before this process began.</summary>
    public void MarkRecovered(ServiceConfiguration configuration)
    {
        IsStoredOnline = true;
        _decidedSwitch = configuration.SwitchRevision;
    }

    /// <summary>Returns what the writer decided last, for another node. Nothing may be pending.</summary>
    public readonly HandedPresence HandOver() => new(IsStoredOnline, _decidedSwitch, HasComeOnline, MayCreate);

    /// <summary>Begins with what the writer of another node decided last.</summary>
    public void Receive(HandedPresence handed) =>
        (IsStoredOnline, _decidedSwitch, HasComeOnline, MayCreate) = (handed.IsOnline, handed.Switch, handed.CameOnline, handed.MayCreate);

    /// <summary>
    /// Replaces what is known to be stored by what the store holds now, because commits may be lost. A change that a commit may contain is
    /// decided again.
    /// </summary>
    public Next Reread(bool isStoredOnline, bool isOnline, ServiceConfiguration configuration)
    {
        IsStoredOnline = isStoredOnline;
        _decidedSwitch = isStoredOnline ? configuration.SwitchRevision : -1;
        return IsTaken || isOnline != isStoredOnline ? Next.QueueInBackground : Next.None;
    }

    /// <summary>Forgets everything for good, because another node has the user. The callers that wait fail.</summary>
    public void Lose(PresenceException reason)
    {
        Forget(reason);
        IsLost = true;
    }

    /// <summary>Compares the state with what is stored, after reachability was switched.</summary>
    public readonly Next Reconsider(bool isOnline, ServiceConfiguration configuration) =>
        isOnline && !IsStored(isOnline, configuration) ? Next.QueueInBackground : Next.None;

    /// <summary>
    /// Completes when the present state is stored. Faults with the reason when it cannot be stored, and with ServerStopping when the queue
    /// is closed.
    /// </summary>
    public Task WhenStored(bool isOnline, ServiceConfiguration configuration)
    {
        if (IsStored(isOnline, configuration))
            return Task.CompletedTask;
        if (IsQueued)
            return (_waiters ??= new StoredWaiters()).Queued;
        if (IsTaken && IsTakenOnline == isOnline)
            return (_waiters ??= new StoredWaiters()).Taken;
        // A state that is not stored is queued, unless the queue is closed. A user that is offline and was never stored online has nothing
        // to store.
        return isOnline || IsStoredOnline || IsTaken ? Task.FromException(PresenceErrors.ServerStopping()) : Task.CompletedTask;
    }

    /// <summary>
    /// Whether the queue already holds an entry that serves. If not, the caller adds one and calls <see cref="MarkQueued"/>.
    /// </summary>
    public bool TryUseEntry(bool background)
    {
        if (!_lanes.HasFlag(Lanes.Callers) && !(background && _lanes.HasFlag(Lanes.Background)))
            return false;
        SetQueued();
        return true;
    }

    /// <summary>Notes that an entry was added to the queue.</summary>
    public void MarkQueued(bool background)
    {
        _lanes |= LaneOf(background);
        SetQueued();
    }

    /// <summary>Notes that the queue is closed. Without an entry nothing will take the state, so the callers that wait fail now.</summary>
    public void MarkQueueClosed()
    {
        if (_lanes != Lanes.None)
        {
            SetQueued();
            return;
        }
        Phase = IsTaken ? SyncPhase.Taken : SyncPhase.Stored;
        _waiters?.FailQueued(PresenceErrors.ServerStopping());
    }

    /// <summary>
    /// Takes the state for a decision. Null when an earlier entry took it, and while a commit holds it: each commit decides about a user
    /// once.
    /// </summary>
    public PresenceSnapshot? TakeSnapshot(bool background, bool isOnline, UserSid sid)
    {
        LeaveLane(background);
        if (Phase != SyncPhase.Queued)
            return null;
        var snapshot = new PresenceSnapshot(isOnline, HasComeOnline, MayCreate, sid);
        Phase = SyncPhase.Taken;
        IsTakenOnline = isOnline;
        HasComeOnline = false;
        MayCreate = false;
        _waiters?.MoveQueuedToTaken();
        return snapshot;
    }

    /// <summary>Notes that the snapshot is stored, or that there was nothing to store.</summary>
    public Next MarkStored(PresenceSnapshot snapshot, long switchRevision, bool isOnline, ServiceConfiguration configuration)
    {
        EndTake();
        IsStoredOnline = snapshot.IsOnline;
        _decidedSwitch = switchRevision;
        _waiters?.Complete();
        if (_waiters is { IsEmpty: true })
            _waiters = null;
        if (IsQueued)
            return NextWhenQueued();
        // Reachability may have been switched after the decision. The sweep of the switch skipped this user, because it was pending.
        var reconsidered = Reconsider(isOnline, configuration);
        return reconsidered == Next.None ? Next.Idle : reconsidered;
    }

    /// <summary>Notes that the snapshot could not be stored. The callers that wait fail; the state will be taken again.</summary>
    public Next Retry(PresenceSnapshot snapshot, PresenceException reason)
    {
        EndTake();
        HasComeOnline |= snapshot.CameOnline;
        MayCreate |= snapshot.MayCreate;
        FailWaiters(reason);
        return Next.QueueInBackground;
    }

    /// <summary>Notes that the store failed before this entry was decided.</summary>
    public Next FailQueued(bool background, PresenceException reason)
    {
        LeaveLane(background);
        if (!IsQueued)
            return Next.None;
        _waiters?.FailQueued(reason);
        return Next.QueueInBackground;
    }

    /// <summary>Notes that the writer deferred this entry to the next commit.</summary>
    public Next Requeue(bool background)
    {
        LeaveLane(background);
        return IsQueued ? Next.Requeue : Next.None;
    }

    /// <summary>
    /// Notes that the writer rejected the snapshot: the user does not exist and may not be created. <see cref="Next.Idle"/> means that the
    /// sessions must go.
    /// </summary>
    public Next Reject(PresenceException reason)
    {
        _waiters?.FailTaken(reason);
        if (IsQueued && MayCreate)
        {
            // Since the take, a heartbeat named the user by identity, so that the writer may create it. That is decided on its own.
            EndTake();
            return NextWhenQueued();
        }
        Forget(reason);
        return Next.Idle;
    }

    /// <summary>Forgets everything. The callers that wait fail.</summary>
    public void Forget(PresenceException reason)
    {
        Phase = SyncPhase.Stored;
        HasComeOnline = false;
        MayCreate = false;
        IsStoredOnline = false;
        _decidedSwitch = -1;
        FailWaiters(reason);
    }

    /// <summary>Whether the state is what the store holds, under the present reachability switch.</summary>
    /// <remarks>
    /// A user that went offline and came back counts as stored, even if it is still queued: a caller need not wait for a decision that
    /// stores nothing. A user that came online and went is not stored, because null must become false. While reachability is off, no
    /// decision would store anything.
    /// </remarks>
    private readonly bool IsStored(bool isOnline, ServiceConfiguration configuration) =>
        !IsTaken
        && IsStoredOnline == isOnline
        && (isOnline || !HasComeOnline)
        && (_decidedSwitch == configuration.SwitchRevision || (_decidedSwitch >= 0 && !configuration.ReachabilityEnabled));

    // The entry that queued the state may have come and gone while a commit held the state.
    private readonly Next NextWhenQueued() => _lanes != Lanes.None ? Next.None : Next.Requeue;

    private void SetQueued() => Phase = IsTaken ? SyncPhase.TakenAndQueued : SyncPhase.Queued;

    private void EndTake() => Phase = IsQueued ? SyncPhase.Queued : SyncPhase.Stored;

    private void LeaveLane(bool background) => _lanes &= ~LaneOf(background);

    private void FailWaiters(PresenceException reason)
    {
        _waiters?.FailTaken(reason);
        _waiters?.FailQueued(reason);
        _waiters = null;
    }

    private void Set(Flags flag, bool value) => _flags = value ? _flags | flag : _flags & ~flag;

    private static Lanes LaneOf(bool background) => background ? Lanes.Background : Lanes.Callers;
}
