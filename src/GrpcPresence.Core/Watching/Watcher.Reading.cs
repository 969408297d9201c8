using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Watching;

/// <content>The reader's side: what it takes, and what it says that it has read and delivered.</content>
internal sealed partial class Watcher
{
    /// <summary>No state that the reader took, from memory or from the store, is newer than this revision.</summary>
    public long NewestTaken
    {
        get
        {
            lock (_gate)
                return _newestTaken;
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
                _newestTaken = token.Newest;
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
    /// dropped. Returns the start of the earliest on-period that ended since the catch-up's base, the switches that the read shows included; null when
    /// none ended.
    /// </summary>
    public long? Cover(ServiceRecord service, IEnumerable<UserSid> users)
    {
        lock (_gate)
        {
            ObserveLocked(service.Configuration);
            _newestTaken = Math.Max(_newestTaken, service.Revision);
            foreach (var user in users)
                _pending.RemoveCovered(user, service.Revision);
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

    /// <summary>Takes a message that others are sent alike, or moves pending users into the builder, up to its bounds.</summary>
    public SharedMessage? Drain(MessageBuilder message)
    {
        lock (_gate)
        {
            if (_phase != WatchPhase.Live)
                return null;
            var shared = _pending.TakeShared(message);
            _newestTaken = Math.Max(_newestTaken, shared?.Newest ?? _pending.TakeInto(message));
            return shared;
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
            if (_pending.FirstDirty is { } next)
                revision = Math.Min(revision, next - 1);
            return (revision, revision);
        }
    }

    /// <summary>Waits for something to do; completed already when there is.</summary>
    public ValueTask WaitAsync()
    {
        lock (_gate)
        {
            if (_end is not null || _isCancelled || _owesProgress)
                return ValueTask.CompletedTask;
            if (_unsentConfiguration is not null || _phase != WatchPhase.Live || _pending.Count > 0)
                return ValueTask.CompletedTask;
            return _wake.WaitAsync();
        }
    }

    private void BeginSnapshotLocked()
    {
        // What is dropped here was committed before the snapshot reads anything. Reading the feed's revision needs no lock.
        var revision = feed.Revision;
        _pending.Clear();
        _phase = WatchPhase.Snapshot;
        _catchUp = new CatchUpPosition(revision, revision, revision);
    }
}
