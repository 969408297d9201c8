using GrpcPresence.Core.Changes;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Limits;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The hub's side of one open watch: what is owed to the client, in bounded memory. The feed marks users dirty; <see cref="WatchReader"/> takes them.
/// </summary>
/// <remarks>
/// Everything is guarded by one lock, taken inside the feed's and never around it. Under it there is no I/O and no await, and the only call out is the encoder's, which is pure.
/// </remarks>
internal sealed class Watcher(ServiceFeed feed, WatchFilter filter, ServiceConfiguration configuration)
{
    private readonly Lock _gate = new();
    private readonly PendingUsers _pending = new();
    private WatchPhase _phase = WatchPhase.Snapshot;
    private CatchUpPosition _catchUp;
    private long _markedBefore; // the feed may have marked changes up to here before this watcher was attached
    private ServiceConfiguration _seen = configuration; // the newest that this watcher took note of; at first the one of before the attaching
    private ServiceConfiguration? _unsentConfiguration;
    private TaskCompletionSource? _sleeper;
    private PresenceException? _end;
    private bool _owesProgress;
    private bool _isCancelled;

    /// <summary>The feed that this watcher is attached to.</summary>
    public ServiceFeed Feed => feed;

    /// <summary>What the client wants to see.</summary>
    public WatchFilter Filter => filter;

    /// <summary>Completes when the watch is ended from outside, also while a message is being written.</summary>
    public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

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
                return _sleeper is not null;
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
    public void Take(ReadOnlySpan<UserChange> changes, ReadOnlySpan<ServiceConfiguration> configurations, long? firstDirty)
    {
        lock (_gate)
        {
            if (_end is not null)
                return;
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
        }
        Ended.TrySetResult();
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

    /// <summary>
    /// The reader begins with the configuration that it is about to send, which is not older than the one of before the attaching. What was switched in
    /// between has dropped the states that speak of the time before.
    /// </summary>
    public void Begin(ServiceConfiguration configuration, bool withSnapshot, ResumeToken? from)
    {
        lock (_gate)
        {
            ObserveLocked(configuration);
            if (_unsentConfiguration?.Revision <= configuration.Revision)
                _unsentConfiguration = null;
            if (withSnapshot)
            {
                BeginSnapshotLocked();
            }
            else if (from is { } token)
            {
                var target = Math.Max(_catchUp.Target, _markedBefore);
                _catchUp = _catchUp with { Base = token.Base, Position = token.Position, Target = target };
                _phase = WatchPhase.CatchUp;
            }
            else
            {
                // A client that knows nothing holds no value that a switch could have taken away. What was dropped has still to be read.
                _catchUp = _catchUp with { SwitchedSince = null, Sweep = null };
                _phase = WatchPhase.CatchUp;
            }
        }
    }

    /// <summary>Begins a snapshot again: what the store still has is not enough to catch up.</summary>
    public void BeginSnapshot()
    {
        lock (_gate)
            BeginSnapshotLocked();
    }

    /// <summary>
    /// Users were read from the store at the service record's revision, which the feed has reached: what is pending for them and not newer is
    /// dropped.
    /// </summary>
    public void Cover(ServiceRecord service, IEnumerable<UserSid> users)
    {
        lock (_gate)
        {
            ObserveLocked(service.Configuration);
            foreach (var user in users)
                _pending.RemoveCovered(user, service.Revision);
        }
    }

    /// <summary>The start of the earliest on-period that ended since the catch-up's base; null when none ended.</summary>
    public long? SwitchedSince
    {
        get
        {
            lock (_gate)
                return _catchUp.SwitchedSince;
        }
    }

    /// <summary>Ends a snapshot: goes live, or to catching up when changes were dropped meanwhile.</summary>
    public void EndSnapshot()
    {
        lock (_gate)
            _phase = _catchUp.IsDone ? WatchPhase.Live : WatchPhase.CatchUp;
    }

    /// <summary>How far the catch-up is; null when there is none, and the watcher is live from now on.</summary>
    public CatchUpPosition? CatchUpOrGoLive()
    {
        lock (_gate)
        {
            if (_phase == WatchPhase.CatchUp && _catchUp.IsDone)
                _phase = WatchPhase.Live;
            return _phase == WatchPhase.CatchUp ? _catchUp : null;
        }
    }

    /// <summary>
    /// Rows up to the position were read at the revision and delivered. A row that was not read yet may have moved beyond the target, with reasons
    /// from before: all that the revision holds must be read.
    /// </summary>
    public void Advance(long position, long revision)
    {
        lock (_gate)
            _catchUp = _catchUp with { Position = Math.Max(_catchUp.Position, position), Target = Math.Max(_catchUp.Target, revision) };
    }

    /// <summary>
    /// A part of a sweep was read at the revision and delivered. Ignored when another switch began a new sweep in between. A user who was touched
    /// before the sweep came to them is left to the range, which must reach as far.
    /// </summary>
    /// <param name="was">The sweep as it was before the part.</param>
    /// <param name="now">What is left; null when nothing is.</param>
    /// <param name="revision">The revision at which the part was read.</param>
    public void Advance(SwitchSweep was, SwitchSweep? now, long revision)
    {
        lock (_gate)
        {
            if (ReferenceEquals(_catchUp.Sweep, was))
                _catchUp = _catchUp with { Sweep = now, Target = Math.Max(_catchUp.Target, revision) };
        }
    }

    /// <summary>The configuration that is still to be sent; null when there is none.</summary>
    public ServiceConfiguration? TakeConfiguration()
    {
        lock (_gate)
        {
            var configuration = _unsentConfiguration;
            _unsentConfiguration = null;
            return configuration;
        }
    }

    /// <summary>Whether the client is owed a sign of life.</summary>
    public bool TakeProgress()
    {
        lock (_gate)
        {
            var owes = _owesProgress;
            _owesProgress = false;
            return owes;
        }
    }

    /// <summary>Moves pending users into the message, up to its bounds.</summary>
    public void Drain(MessageBuilder message)
    {
        lock (_gate)
        {
            if (_phase != WatchPhase.Live)
                return;
            while (_pending.First is { } entry && message.TryAdd(new UserUpdate(entry.State, entry.Reasons)))
                _pending.RemoveFirst();
        }
    }

    /// <summary>What the resume token may say now.</summary>
    public (long Base, long Position) Bookmark()
    {
        // Read before the pending users are looked at: everything up to it is then either delivered or pending.
        var revision = feed.Revision;
        lock (_gate)
        {
            if (_phase != WatchPhase.Live)
                return (_catchUp.Base, _catchUp.Position);
            if (_pending.First is { } next)
                revision = Math.Min(revision, next.FirstDirty - 1);
            return (revision, revision);
        }
    }

    /// <summary>Waits for something to do; completed already when there is.</summary>
    public Task WaitAsync()
    {
        lock (_gate)
        {
            if (_end is not null || _isCancelled || _owesProgress)
                return Task.CompletedTask;
            if (_unsentConfiguration is not null || _phase != WatchPhase.Live || _pending.First is not null)
                return Task.CompletedTask;
            _sleeper ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _sleeper.Task;
        }
    }

    private void WakeLocked()
    {
        _sleeper?.TrySetResult();
        _sleeper = null;
    }

    private bool MarkLocked(in UserChange change, long? firstDirty)
    {
        var reasons = change.Reasons & filter.Reasons;
        if (reasons == UpdateReasons.None)
            return false;
        if (_pending.TryMerge(change.State, reasons, change.Revision))
            return true;
        if (_pending.Count < Bounds.PendingUsersPerWatcher)
            _pending.Add(new PendingUser(change.State, reasons, change.Revision, firstDirty ?? change.Revision));
        else
            DropPending(change.Revision);
        return true;
    }

    private void BeginSnapshotLocked()
    {
        // What is dropped here was committed before the snapshot reads anything. Reading the feed's revision needs no lock.
        var revision = feed.Revision;
        _pending.Clear();
        _phase = WatchPhase.Snapshot;
        _catchUp = new CatchUpPosition(revision, revision, revision);
    }

    /// <summary>Too much is pending: all of it is dropped, and read from the store at the client's pace. The token stays.</summary>
    private void DropPending(long revision)
    {
        if (_phase == WatchPhase.Live)
        {
            // A batch may have gone on after the switch that drops it: what is pending may be newer.
            var kept = Math.Min(_pending.First?.FirstDirty ?? revision, revision) - 1;
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
