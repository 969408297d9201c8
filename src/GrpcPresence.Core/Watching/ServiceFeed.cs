using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The watches of one service instance, and the committed changes on their way to them. A commit that continues the revision of the feed is
/// offered from memory. A commit that does not is held for a short time, because commits of several nodes overtake each other. If the
/// missing ones do not arrive, the gap is read from the store.
/// </summary>
/// <param name="service">The service instance as it was read. The feed begins at its revision, in its timeline.</param>
/// <param name="patience">
/// How long commits are held, in units of timestamps. Zero where one writer publishes all commits in order: what is missing then does not
/// arrive any more.
/// </param>
/// <param name="resume">See <see cref="WatchHub.Resume"/>.</param>
/// <param name="sizes">See <see cref="WatchHub.Sizes"/>.</param>
internal sealed class ServiceFeed(
    ServiceRecord service, long patience = 0, Action<Action>? resume = null, WatchSizes? sizes = null)
{
    // Guards every field below, and orders publishing and attaching. No await, no I/O and no log under it. Order of locks: the hub's, this
    // one, then a queue's.
    private readonly Lock _gate = new();
    private readonly QueueSet _queues = new();
    private readonly List<(long Revision, long Since, TaskCompletionSource Reached)> _waiters = [];
    private ServiceConfiguration _configuration = service.Configuration;
    private long _revision = service.Revision; // written under the lock, read without it
    private long _marked = service.Revision; // changes up to here may have been offered; above the revision while a gap is read
    private GapRead? _gap;
    private long _gapBegin = long.MaxValue; // of a gap of which pages were offered; written under the lock, read without it
    private CommitReorderBuffer? _held; // null until a commit does not continue the revision
    private long _known; // the newest revision that must be read unless its commit arrives; not above the revision if none must
    private long _knownSince; // since when
    private bool _isEnded;

    /// <summary>The store's key of the service instance.</summary>
    public long ServiceId { get; } = service.Id;

    public ServiceSid Service { get; } = service.Sid;

    /// <summary>The timeline of the revisions of the feed.</summary>
    public Guid Timeline { get; } = service.Timeline;

    /// <summary>The revision up to which every change was offered to the queues that were attached then.</summary>
    public long Revision => Volatile.Read(ref _revision);

    /// <summary>
    /// The first revision of the gap that is being read, once a page of it was offered; otherwise <see cref="long.MaxValue"/>. It is set
    /// before a queue takes the page under its lock, so who finds a user of the page under that lock finds it too.
    /// </summary>
    public long GapBegin => Volatile.Read(ref _gapBegin);

    /// <summary>See <see cref="WatchHub.Resume"/>.</summary>
    public Action<Action>? Resume => resume;

    /// <summary>See <see cref="WatchHub.Sizes"/>.</summary>
    public WatchSizes Sizes { get; } = sizes ?? WatchSizes.Default;

    /// <summary>Whether a session waits in <see cref="WhenReached"/>.</summary>
    public bool IsAwaited
    {
        get
        {
            lock (_gate)
                return _waiters.Count > 0;
        }
    }

    public bool IsGapBeingRead
    {
        get
        {
            lock (_gate)
                return _gap is { IsBeingRead: true };
        }
    }

    /// <summary>Returns one object for all watches in place of the equal configuration that each of them has read.</summary>
    public ServiceConfiguration Share(ServiceConfiguration configuration)
    {
        lock (_gate)
            return configuration.Revision == _configuration.Revision ? _configuration : _configuration = configuration;
    }

    /// <summary>Attaches a queue: every change from now on is offered to it.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="after">The watch needs no change up to this revision, even if the feed has not reached it.</param>
    public void Attach(WatchQueue queue, long after = 0)
    {
        lock (_gate)
        {
            _queues.Add(queue);
            queue.Attach(_revision, Math.Max(_marked, _gap?.Target ?? 0), after);
        }
    }

    /// <summary>Detaches a queue. Returns whether it was the last.</summary>
    public bool Detach(WatchQueue queue)
    {
        lock (_gate)
        {
            _queues.Remove(queue);
            return _queues.IsEmpty;
        }
    }

    /// <summary>When the feed has waited long enough for a commit that is missing; null if it does not wait.</summary>
    public long? LateAt
    {
        get
        {
            lock (_gate)
                return _gap is null ? FindLateAt() : null;
        }
    }

    /// <summary>
    /// Publishes a commit. Commits may arrive in any order and more than once; those of another timeline are ignored. Returns the gap that
    /// the caller must read from the store, or null. A commit without all of its users is read as well: the first watch attached after the
    /// writer had decided what to read.
    /// </summary>
    public GapRead? Publish(ServiceCommit commit, long now)
    {
        lock (_gate)
        {
            if (commit.Timeline != Timeline || commit.LastRevision <= _revision)
                return null;
            if (_gap is null && _held is null && commit.FirstRevision <= _revision + 1 && !commit.IsPartial)
            {
                Offer(commit);
                return null;
            }
            // The commit that is one too many is read from the store.
            if ((_held ??= new CommitReorderBuffer()).Add(commit, now) is { } surplus)
                Note(surplus.LastRevision, long.MinValue);
            return Continue(now);
        }
    }

    /// <summary>
    /// Notes that the store holds the revision. The feed reads it, unless its commit arrives soon. Returns the gap that the caller must
    /// read, or null.
    /// </summary>
    public GapRead? NoteRevision(long revision, long now)
    {
        lock (_gate)
        {
            Note(revision, now);
            return Continue(now);
        }
    }

    /// <summary>Returns the gap that the caller must read, or null: the feed has waited long enough for a commit.</summary>
    public GapRead? FindLate(long now)
    {
        lock (_gate)
            return Continue(now);
    }

    /// <summary>
    /// Publishes a page of a gap. Returns whether the gap is closed. Commits that were held meanwhile follow with <see cref="FindLate"/>.
    /// </summary>
    public bool PublishGapPage(GapRead gap, ChangesRead page, bool isLast)
    {
        lock (_gate)
        {
            if (_gap != gap)
                return true;
            gap.IsOffered = true;
            Volatile.Write(ref _gapBegin, gap.From + 1);
            var changes = new UserChange[page.Changes.Count];
            for (var i = 0; i < changes.Length; i++)
            {
                var (state, revision) = page.Changes[i];
                var reasons = state.Record?.ReasonsSince(gap.From) ?? UpdateReasons.Deleted;
                changes[i] = new UserChange(state, reasons, revision);
            }
            // A row shows only its last change. The first may be anywhere in the gap, so tokens must stay below the whole gap.
            _queues.Offer(changes, [page.Service.Configuration], firstDirty: gap.From + 1);
            _marked = Math.Max(_marked, changes.Length > 0 ? changes[^1].Revision : 0);
            if (!isLast || page.Service.Revision < gap.Target)
                return false;
            _gap = null;
            Reach(page.Service.Revision);
            Volatile.Write(ref _gapBegin, long.MaxValue);
            return true;
        }
    }

    /// <summary>
    /// Completes when every change up to a revision that was read from the store has been offered, or when the feed has ended.
    /// </summary>
    public Task WhenReached(long revision, long now)
    {
        lock (_gate)
        {
            if (_isEnded || _revision >= revision)
                return Task.CompletedTask;
            var reached = new TaskCompletionSource(
                resume is null ? TaskCreationOptions.RunContinuationsAsynchronously : TaskCreationOptions.None);
            _waiters.Add((revision, now, reached));
            return reached.Task;
        }
    }

    /// <summary>
    /// Returns the gap that the caller must read, or null: a session has waited for a revision since before <paramref name="before"/> and
    /// no commit has brought it, or an earlier read failed.
    /// </summary>
    public GapRead? FindOverdue(long before)
    {
        lock (_gate)
        {
            var overdue = 0L;
            foreach (var (revision, since, _) in _waiters)
            {
                if (since <= before)
                    overdue = Math.Max(overdue, revision);
            }
            if (_gap is null)
                return overdue > _revision ? _gap = new GapRead(_revision, overdue) : null;
            if (_gap.IsBeingRead)
                return null;
            _gap.IsBeingRead = true;
            return _gap;
        }
    }

    /// <summary>The caller could not read the gap. A later tick reads it.</summary>
    public void StopReading(GapRead gap)
    {
        lock (_gate)
            gap.IsBeingRead = false;
    }

    /// <summary>Ends every watch, and releases the sessions that wait for a revision.</summary>
    public void EndAll(Func<PresenceException> reason)
    {
        IReadOnlyList<WatchQueue> queues;
        lock (_gate)
            queues = _queues.ToList();
        foreach (var queue in queues)
            queue.End(reason());
        lock (_gate)
        {
            _isEnded = true;
            _held = null;
            foreach (var (_, _, reached) in _waiters)
                Release(reached);
            _waiters.Clear();
        }
    }

    /// <summary>
    /// Offers the held commits that continue the revision. Returns the gap that the caller must read, because the commits before the next
    /// held one are late; otherwise null.
    /// </summary>
    private GapRead? Continue(long now)
    {
        // The pages of a gap show newer states than the commits from before it, which must not follow them.
        if (_isEnded || _gap is { IsOffered: true })
            return null;
        while (_held?.TakeNext(_revision) is { } next)
        {
            if (next.IsPartial)
            {
                Note(next.LastRevision, long.MinValue);
                break;
            }
            _gap = null; // the missing commits have arrived before the store showed them
            Offer(next);
        }
        var first = _held?.FirstRevision;
        if (first is null)
            _held = null;
        if (_gap is not null || FindLateAt() is not { } lateAt || now < lateAt)
            return null;
        // The target stays, so that a gap closes while commits go on. Those that are held follow it.
        return _gap = new GapRead(_revision, first is { } held ? held - 1 : _known);
    }

    private void Note(long revision, long since)
    {
        if (revision <= _revision)
            return;
        _knownSince = _known <= _revision ? since : Math.Min(_knownSince, since);
        _known = Math.Max(_known, revision);
    }

    private long? FindLateAt()
    {
        var since = Math.Min(_held?.WaitingSince ?? long.MaxValue, _known > _revision ? _knownSince : long.MaxValue);
        return _isEnded || since == long.MaxValue ? null : since + patience;
    }

    private void Offer(ServiceCommit commit)
    {
        _queues.Offer(commit.Users.AsSpan(), commit.Configurations.AsSpan(), firstDirty: null);
        Reach(commit.LastRevision);
    }

    private void Reach(long revision)
    {
        // After the changes were offered: a session that reads this revision and then finds nothing pending has delivered everything up to
        // it.
        _marked = Math.Max(_marked, revision);
        Volatile.Write(ref _revision, revision);
        _waiters.RemoveAll(waiter => waiter.Revision <= revision && Release(waiter.Reached));
    }

    // The waiter continues outside the lock in any case.
    private bool Release(TaskCompletionSource waiter)
    {
        if (resume is null)
            waiter.TrySetResult();
        else
            resume(() => waiter.TrySetResult());
        return true;
    }
}

/// <summary>A range of revisions that a feed has missed and reads from the store. Guarded by the lock of the feed.</summary>
internal sealed class GapRead(long from, long target)
{
    /// <summary>The last revision before the gap.</summary>
    public long From { get; } = from;

    /// <summary>The revision that must be reached.</summary>
    public long Target { get; } = target;

    /// <summary>Whether a caller reads it. The caller that is given the gap reads it, so a new gap is being read.</summary>
    public bool IsBeingRead { get; set; } = true;

    /// <summary>Whether a page of it was offered.</summary>
    public bool IsOffered { get; set; }
}
