using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Threading;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// The mailbox of one open watch. The feed offers committed changes on the writer's thread; the session consumes them, and acknowledges
/// what it has read from the store and delivered. Memory is bounded: on overflow the queue drops its users, and the session reads them from
/// the store.
/// </summary>
internal sealed class WatchQueue(ServiceFeed feed, WatchFilter filter, ServiceConfiguration configuration)
{
    // Guards every field below. No await, no I/O and no log under it; the only call out is to the encoder, which is pure.
    // Order of locks: the feed's, then this one, then that of SharedChanges.
    private readonly Lock _gate = new();
    private readonly AsyncAutoResetEvent _wake = new(isResumed: feed.Resume is not null);
    private WatchBacklog _backlog = new(filter, configuration, feed.Sizes.PendingUsers);
    private bool _isProgressRequested;
    private bool _isCancelled;
    private TaskCompletionSource? _ended; // null until a write waits for its client, or a read for its turn
    private volatile PresenceException? _endReason; // written under the lock, read without it

    public ServiceFeed Feed => feed;

    /// <summary>The revision of the last change that was offered because of one of the keys. Guarded by the lock of the feed.</summary>
    public long LastByKey { get; set; }

    public WatchFilter Filter => _backlog.Filter;

    /// <summary>Why the watch was ended from outside; null while it is open.</summary>
    public PresenceException? EndReason => _endReason;

    /// <summary>Whether the session has nothing to do and waits.</summary>
    public bool IsAwaited => _wake.IsAwaited;

    public int PendingCount
    {
        get
        {
            lock (_gate)
                return _backlog.PendingCount;
        }
    }

    /// <summary>Completes when the watch is ended from outside.</summary>
    public Task WhenEnded()
    {
        lock (_gate)
        {
            _ended ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_endReason is not null)
                _ended.TrySetResult();
            return _ended.Task;
        }
    }

    // --- The feed and the hub offer ---

    /// <summary>The feed offers changes from now on. Called under the feed's lock.</summary>
    /// <param name="revision">Every change up to this revision was offered to the queues that were attached then.</param>
    /// <param name="marked">Changes up to this revision may have been offered to other queues already.</param>
    /// <param name="after">The watch needs no change up to this revision.</param>
    public void Attach(long revision, long marked, long after)
    {
        lock (_gate)
            _backlog.Attach(revision, marked, after);
    }

    /// <summary>
    /// Offers a committed batch. Called under the feed's lock. Changes and configurations of a batch come together: a session that saw only
    /// the changes would send users that a switch altered before the configuration that explains them.
    /// </summary>
    /// <param name="changes">By ascending revision.</param>
    /// <param name="configurations">By ascending revision.</param>
    /// <param name="firstDirty">The resume token must stay below this revision; null for each change's own.</param>
    /// <param name="shared">The same changes, for watches of all users; null if the batch affects them differently.</param>
    public void Offer(
        ReadOnlySpan<UserChange> changes, ReadOnlySpan<ServiceConfiguration> configurations, long? firstDirty, SharedChanges? shared = null)
    {
        lock (_gate)
        {
            if (_endReason is null && _backlog.Offer(changes, configurations, firstDirty, shared))
                WakeLocked();
        }
    }

    /// <summary>Makes the session send <c>progress</c>, unless it has something else to send.</summary>
    public void RequestProgress()
    {
        lock (_gate)
        {
            _isProgressRequested = true;
            WakeLocked();
        }
    }

    /// <summary>Ends the watch. The first reason counts.</summary>
    public void End(PresenceException reason)
    {
        lock (_gate)
        {
            if (_endReason is not null)
                return;
            _endReason = reason;
            _backlog.Clear();
            _ended?.TrySetResult();
            WakeLocked();
        }
    }

    /// <summary>Wakes a session whose token was cancelled, and keeps it from waiting again before it has looked at the token.</summary>
    public void Cancel()
    {
        lock (_gate)
        {
            _isCancelled = true;
            WakeLocked();
        }
    }

    // --- The session consumes ---

    /// <summary>Completes when there is something to send or to read, or when the watch has ended.</summary>
    public ValueTask WaitAsync()
    {
        lock (_gate)
        {
            var mayWait = _backlog.IsEmpty && !_isProgressRequested && !_isCancelled && _endReason is null;
            return mayWait ? _wake.WaitAsync() : ValueTask.CompletedTask;
        }
    }

    /// <summary>Takes the configuration that has to be sent; null if the client has the newest.</summary>
    public ServiceConfiguration? TakeConfiguration()
    {
        lock (_gate)
            return _backlog.TakeConfiguration();
    }

    public bool TakeProgressRequest()
    {
        lock (_gate)
        {
            var isRequested = _isProgressRequested;
            _isProgressRequested = false;
            return isRequested;
        }
    }

    /// <summary>
    /// Takes the next message of pending users. Returns it if other watches share it; otherwise fills the builder, which must be empty.
    /// </summary>
    public SharedMessage? TakeUpdates(MessageBuilder message)
    {
        lock (_gate)
            return _backlog.TakeUpdates(message, feed.GapBegin);
    }

    /// <summary>
    /// What a resume token may state now. Null if the watch has ended: ending drops the pending users that limit the token.
    /// </summary>
    public (long Base, long Position)? TokenPosition()
    {
        // Read the feed's revision before the pending users: every change up to it is then either delivered or pending.
        var revision = feed.Revision;
        lock (_gate)
            return _endReason is null ? _backlog.TokenPosition(revision) : null;
    }

    /// <summary>No state that the session took, from memory or from the store, is newer than this revision.</summary>
    public long NewestTaken
    {
        get
        {
            lock (_gate)
                return _backlog.NewestTaken;
        }
    }

    /// <summary>The part of the store that is left to read.</summary>
    public CatchUpPosition CatchUp
    {
        get
        {
            lock (_gate)
                return _backlog.CatchUp;
        }
    }

    // --- The session acknowledges ---

    /// <summary>
    /// Starts with the configuration that the session is about to send. A switch between the attaching and this configuration drops the
    /// states from before it.
    /// </summary>
    public void Start(ServiceConfiguration configuration, bool withSnapshot, ResumeToken? token)
    {
        lock (_gate)
            _backlog.Start(configuration, withSnapshot, token, feed.Revision);
    }

    /// <summary>Starts a snapshot in place of a catch-up that the store cannot serve.</summary>
    public void StartSnapshot()
    {
        lock (_gate)
            _backlog.StartSnapshot(feed.Revision);
    }

    /// <summary>The snapshot was read. The watch is live, or has to catch up if changes were dropped meanwhile.</summary>
    public void CompleteSnapshot()
    {
        lock (_gate)
            _backlog.CompleteSnapshot();
    }

    /// <summary>Goes live if nothing is left to read from the store. Returns whether the watch is live.</summary>
    public bool TryGoLive()
    {
        lock (_gate)
            return _backlog.TryGoLive();
    }

    /// <summary>
    /// Users were read from the store at the revision of the service record, which the feed has reached: drops their pending states up to
    /// that revision.
    /// </summary>
    /// <param name="service">The service instance as it was read.</param>
    /// <param name="users">The users.</param>
    /// <param name="rowsReadTo">The position that is reached with these rows; null if they are not rows by revision.</param>
    /// <param name="isOfSweep">Whether the users are a page of a sweep.</param>
    /// <param name="lastId">The key up to which users were read; the greatest number if none is left, or they are not read by key.</param>
    /// <returns>For each user, what the watch was sent before.</returns>
    public SentUser[] DropCovered(
        ServiceRecord service, UserState[] users, long? rowsReadTo = null, bool isOfSweep = false, long lastId = long.MaxValue)
    {
        lock (_gate)
            return _backlog.DropCovered(service, users, rowsReadTo, isOfSweep, lastId);
    }

    /// <summary>The page of a catch-up was delivered.</summary>
    public void Acknowledge(ScanPage page)
    {
        lock (_gate)
            _backlog.Acknowledge(page);
    }

    private void WakeLocked()
    {
        // The session starts to wait under the lock, so the check is exact and no signal is kept for later.
        if (_wake.IsAwaited)
            _wake.Set(feed.Resume);
    }
}
