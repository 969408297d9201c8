using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Threading;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The hub's side of one open watch: what is owed to the client, in bounded memory. The feed marks users dirty; <see cref="WatchReader"/> takes them.
/// </summary>
/// <remarks>
/// Everything is guarded by one lock, taken inside the feed's and never around it; inside it, that of the changes which watchers share. Under it there is
/// no I/O and no await, and the only call out is the encoder's, which is pure.
/// </remarks>
internal sealed partial class Watcher(ServiceFeed feed, WatchFilter filter, ServiceConfiguration configuration)
{
    private readonly Lock _gate = new();
    private readonly PendingUsers _pending = new();
    private WatchPhase _phase = WatchPhase.Snapshot;
    private CatchUpPosition _catchUp;
    private long _newestTaken;
    private long _markedBefore; // the feed may have marked changes up to here before this watcher was attached
    private ServiceConfiguration _seen = configuration; // the newest that this watcher took note of; at first the one of before the attaching
    private ServiceConfiguration? _unsentConfiguration;
    private readonly AsyncAutoResetEvent _wake = new();
    private PresenceException? _end;
    private TaskCompletionSource? _ended;
    private bool _owesProgress;
    private bool _isCancelled;

    /// <summary>The feed that this watcher is attached to.</summary>
    public ServiceFeed Feed => feed;

    /// <summary>What the client wants to see.</summary>
    public WatchFilter Filter => filter;

    /// <summary>Completes when the watch is ended from outside, also while a message is being written.</summary>
    public Task Ended
    {
        get
        {
            lock (_gate)
            {
                // Made when it is first asked for: most watches never wait for a client.
                _ended ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                if (_end is not null)
                    _ended.TrySetResult();
                return _ended.Task;
            }
        }
    }

    /// <summary>Why the watch was ended from outside; null while it was not.</summary>
    public PresenceException? End
    {
        get
        {
            lock (_gate)
                return _end;
        }
    }

    /// <summary>Whether the reader waits.</summary>
    public bool IsAsleep
    {
        get
        {
            lock (_gate)
                return _wake.IsAwaited;
        }
    }

    /// <summary>How many users are pending.</summary>
    public int PendingCount
    {
        get
        {
            lock (_gate)
                return _pending.Count;
        }
    }

    /// <summary>
    /// Attached: changes above <paramref name="marked"/> will be marked from now on. Called by the feed under its lock.
    /// </summary>
    /// <param name="revision">The revision up to which the feed has seen everything.</param>
    /// <param name="marked">The revision up to which the feed may have marked changes that this watcher did not get.</param>
    public void Attached(long revision, long marked)
    {
        lock (_gate)
        {
            _catchUp = new CatchUpPosition(revision, revision, revision);
            _markedBefore = marked;
        }
    }

    /// <summary>
    /// Takes what was committed, and wakes the reader. Called by the feed under its lock. Changes and configurations of one batch are taken at once: a
    /// reader that saw only the changes would send what a switch made of a user without saying that the switch changed it.
    /// </summary>
    /// <param name="changes">The changes, by ascending revision.</param>
    /// <param name="configurations">The configurations, by ascending revision.</param>
    /// <param name="firstDirty">The revision that counts as the first dirty one; null for each change's own.</param>
    /// <param name="shared">The changes, for a watcher that takes all of them; null when something goes with them that makes watchers differ.</param>
    public void Take(
        ReadOnlySpan<UserChange> changes, ReadOnlySpan<ServiceConfiguration> configurations, long? firstDirty, SharedChanges? shared = null)
    {
        lock (_gate)
        {
            if (_end is not null)
                return;
            if (shared is not null && filter.TakesAll && _phase == WatchPhase.Live && _pending.TryShare(shared))
            {
                WakeLocked();
                return;
            }
            var wakes = false;
            foreach (ref readonly var change in changes)
                wakes |= MarkLocked(in change, firstDirty);
            foreach (var configuration in configurations)
                wakes |= ObserveLocked(configuration);
            if (wakes)
                WakeLocked();
        }
    }

    /// <summary>Ends the watch; the first reason stands.</summary>
    public void EndWith(PresenceException reason)
    {
        lock (_gate)
        {
            if (_end is not null)
                return;
            _end = reason;
            _pending.Clear();
            WakeLocked();
            _ended?.TrySetResult();
        }
    }

    /// <summary>The client was silent for long enough; wakes the reader to say that the watch is alive.</summary>
    public void OweProgress()
    {
        lock (_gate)
        {
            _owesProgress = true;
            WakeLocked();
        }
    }

    /// <summary>Wakes the reader for good: it was cancelled, and must not fall asleep again before it has seen that.</summary>
    public void Cancel()
    {
        lock (_gate)
        {
            _isCancelled = true;
            WakeLocked();
        }
    }

    private void WakeLocked()
    {
        // The reader starts to wait under the lock, so the check is exact and no signal is kept for later.
        if (_wake.IsAwaited)
            _wake.Set();
    }

    private bool MarkLocked(in UserChange change, long? firstDirty)
    {
        var reasons = change.Reasons & filter.Reasons;
        if (reasons == UpdateReasons.None)
            return false;
        if (_pending.TryMerge(change.State, reasons, change.Revision))
            return true;
        if (_pending.Count < Limits.PendingUsersPerWatcher)
            _pending.Add(new PendingUser(change.State, reasons, change.Revision, firstDirty ?? change.Revision));
        else
            DropPending(change.Revision);
        return true;
    }

    /// <summary>Too much is pending: all of it is dropped, and read from the store at the client's pace. The token stays.</summary>
    private void DropPending(long revision)
    {
        if (_phase == WatchPhase.Live)
        {
            // A batch may have gone on after the switch that drops it: what is pending may be newer.
            var kept = Math.Min(_pending.FirstDirty ?? revision, revision) - 1;
            _catchUp = new CatchUpPosition(kept, kept, revision);
            _phase = WatchPhase.CatchUp;
        }
        _catchUp = _catchUp with { Target = Math.Max(_catchUp.Target, Math.Max(_pending.Newest, revision)) };
        _pending.Clear();
    }

    /// <summary>Takes note of a configuration; false when it is known already.</summary>
    private bool ObserveLocked(ServiceConfiguration next)
    {
        if (next.Revision <= _seen.Revision)
            return false;
        var before = _seen;
        _seen = next;
        _unsentConfiguration = next;
        var ended = before.ReachabilityEnabled
            && (!next.ReachabilityEnabled || next.SwitchedOnRevision != before.SwitchedOnRevision);
        if (!ended || (filter.Reasons & UpdateReasons.Reachability) == UpdateReasons.None)
            return true;
        // An on-period ended: values that the client holds from it are null now, and pending states speak of the time before.
        DropPending(next.Revision);
        var since = Math.Min(before.SwitchedOnRevision, _catchUp.SwitchedSince ?? long.MaxValue);
        _catchUp = _catchUp with { SwitchedSince = since, Sweep = new SwitchSweep(since, AfterId: 0) };
        return true;
    }
}
