using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// Brings committed changes to the watches. Opens watches, passes commits to the feed of their service instance, and checks the times of
/// all watches in one tick. Safe from any thread.
/// </summary>
/// <param name="store">Reads the start of a watch, and what a feed has missed.</param>
/// <param name="encoder">Encodes users.</param>
/// <param name="status">Receives faults of this program.</param>
/// <param name="metrics">The metrics.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Spreads the times of watches.</param>
/// <param name="stallTimeout">How long a client may take nothing.</param>
/// <param name="isConfirmed">
/// In a node of a cluster: whether the node may still say that nothing has changed. Null in a single node. Its writer publishes all commits
/// in order, so no commit is held there, and no timer runs.
/// </param>
public sealed class WatchHub(
    IStoreReader store,
    IUserEncoder encoder,
    StorageStatus status,
    PresenceMetrics metrics,
    TimeProvider time,
    Random random,
    TimeSpan stallTimeout,
    Func<bool>? isConfirmed = null) : ICommitPublisher, IDisposable
{
    // Guards the feeds, the sessions and the random numbers. No await, no I/O and no log under it. Order of locks: this one, then a feed's.
    private readonly Lock _gate = new();
    private readonly Dictionary<ServiceSid, ServiceFeed> _feeds = [];
    private readonly HashSet<WatchSession> _sessions = [];
    private readonly long _patience = isConfirmed is null ? 0 : (long)(Limits.CommitPatience.TotalSeconds * time.TimestampFrequency);
    private LateFeeds? _late; // null in a single node
    private int _resets; // lets an opening detect that what it has read may be lost
    private bool _isDraining;

    /// <summary>
    /// Raised, by any thread, when the first watch of a service instance has opened or the last one has closed. Ask
    /// <see cref="NeedsUsers"/> which of the two, because events of several threads overtake each other.
    /// </summary>
    public event Action<ServiceSid>? WatchedChanged;

    /// <summary>
    /// The service instances that have a watch, with their keys, and the revisions up to which their watches were offered every change.
    /// Commits of other nodes for these are to be published here.
    /// </summary>
    public IReadOnlyList<WatchedService> Watched
    {
        get
        {
            lock (_gate)
                return [.. _feeds.Values.Select(feed => new WatchedService(feed.Service, feed.ServiceId, feed.Revision))];
        }
    }

    /// <summary>
    /// Takes what lets a waiting watch continue, and runs it later on one thread; null for the thread pool. A simulation sets it, so that a
    /// history always runs in the same order.
    /// </summary>
    internal Action<Action>? Resume { get; init; }

    /// <summary>The sizes of queues and pages. A simulation makes them so small that a few users exceed them.</summary>
    internal WatchSizes Sizes { get; init; } = WatchSizes.Default;

    /// <summary>Whether the node may say that nothing has changed.</summary>
    internal bool IsConfirmed => isConfirmed is null || isConfirmed();

    /// <summary>Reads what the opening of a watch needs, without a charge: the quota of new streams bounds it.</summary>
    internal IStoreReader Store => store;

    /// <summary>The number of pending users of all watches.</summary>
    public long PendingUsers
    {
        get
        {
            lock (_gate)
                return _sessions.Sum(session => (long)session.Queue.PendingCount);
        }
    }

    /// <summary>
    /// Opens a watch. It is attached when this returns, and sees every change from then on. The caller reads it and disposes of it.
    /// </summary>
    /// <exception cref="PresenceException">ServiceInstanceNotFound, ServerStopping, ResumeTokenInvalid, StorageUnavailable.</exception>
    /// <param name="request">The watch.</param>
    /// <param name="reader">Reads what the watch needs from the store, at the expense of its caller.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    public async ValueTask<WatchSession> OpenAsync(WatchRequest request, IStoreReader reader, CancellationToken cancellationToken)
    {
        if (request.Token is { } token && token.Service != request.Service)
            throw InvalidToken("is of another service instance");
        while (true)
        {
            var resets = Volatile.Read(ref _resets);
            var record = await store.FindServiceAsync(request.Service, cancellationToken).ConfigureAwait(false)
                ?? throw PresenceErrors.ServiceInstanceNotFound(request.Service);
            if (TryOpen(request, record, reader, resets, out var isFirst) is not { } session)
                continue;
            if (isFirst)
                WatchedChanged?.Invoke(request.Service);
            return session;
        }
    }

    /// <inheritdoc/>
    public bool NeedsUsers(ServiceSid service)
    {
        lock (_gate)
            return _feeds.ContainsKey(service);
    }

    /// <summary>
    /// Publishes commits of this node or of another one, from any thread. Commits of several writers may arrive in any order, and more than
    /// once.
    /// </summary>
    public void Publish(IReadOnlyList<ServiceCommit> commits)
    {
        var now = time.GetTimestamp();
        foreach (var commit in commits)
        {
            if (FindFeed(commit.Service.Sid, commit.Service.Id, commit) is not { } feed)
                continue;
            if (!commit.IsDeleted)
                Read(feed, feed.Publish(commit, now));
            else if (commit.Timeline == feed.Timeline) // in the data that is left, a lost deletion has not happened
                EndDeleted(feed);
        }
    }

    /// <summary>
    /// Notes that the store holds the revision of the service instance. If the watches are behind, they read it, unless its commit arrives
    /// soon.
    /// </summary>
    /// <param name="service">The service instance.</param>
    /// <param name="serviceId">Its key. A service instance of another key has another one's revisions.</param>
    /// <param name="revision">A revision at which a commit ended.</param>
    public void NoteRevision(ServiceSid service, long serviceId, long revision)
    {
        if (FindFeed(service, serviceId) is { } feed && feed.Revision < revision)
            Read(feed, feed.NoteRevision(revision, time.GetTimestamp()));
    }

    /// <summary>Notes that the service instance is deleted: ends its watches with ServiceInstanceNotFound.</summary>
    public void NoteDeletion(ServiceSid service, long serviceId)
    {
        if (FindFeed(service, serviceId) is { } feed)
            EndDeleted(feed);
    }

    /// <summary>
    /// Ends every watch with StorageUnavailable, so that its client resumes, and forgets all revisions. Call it when the store has lost
    /// commits: the clients that received any of them get a reset when they resume.
    /// </summary>
    public void Reset()
    {
        ServiceFeed[] feeds;
        lock (_gate)
        {
            _resets++;
            feeds = [.. _feeds.Values];
        }
        foreach (var feed in feeds)
            End(feed, CommitsLost);
    }

    /// <summary>Checks the times of all watches, and reads overdue gaps. Called once a tick; calls may overlap.</summary>
    public void Tick()
    {
        var now = time.GetTimestamp();
        WatchSession[] sessions;
        ServiceFeed[] feeds;
        lock (_gate)
        {
            sessions = [.. _sessions];
            feeds = [.. _feeds.Values];
        }
        var mayProgress = IsConfirmed;
        foreach (var session in sessions)
            session.Tick(now, mayProgress);
        var overdue = now - (long)(Limits.Tick.TotalSeconds * time.TimestampFrequency);
        foreach (var feed in feeds)
            Read(feed, feed.FindOverdue(overdue));
    }

    /// <summary>Ends every watch with ServerStopping, and rejects new ones.</summary>
    public void Drain()
    {
        ServiceFeed[] feeds;
        lock (_gate)
        {
            _isDraining = true;
            feeds = [.. _feeds.Values];
        }
        foreach (var feed in feeds)
            feed.EndAll(PresenceErrors.ServerStopping);
    }

    /// <summary>Detaches a watch. Repeated calls do nothing.</summary>
    internal void Close(WatchSession session)
    {
        var feed = session.Queue.Feed;
        var isLast = false;
        lock (_gate)
        {
            if (!_sessions.Remove(session))
                return;
            metrics.WatchersChanged(-1);
            if (feed.Detach(session.Queue))
                isLast = RemoveLocked(feed);
        }
        if (isLast)
            WatchedChanged?.Invoke(feed.Service);
    }

    /// <summary>Stops the timer of held commits.</summary>
    public void Dispose()
    {
        lock (_gate)
            _late?.Dispose();
    }

    /// <summary>The error of a watch whose revisions the store does not have any more.</summary>
    internal static StorageException CommitsLost() => new("The store has lost commits. Resume with the token.");

    private static PresenceException InvalidToken(string description) =>
        new([new Violation("resume_token", ErrorReason.ResumeTokenInvalid, description)]);

    /// <summary>
    /// Opens a watch of the service instance that was read. Returns null if the store has lost commits since, perhaps those that were read.
    /// </summary>
    private WatchSession? TryOpen(WatchRequest request, ServiceRecord record, IStoreReader reader, int resets, out bool isFirst)
    {
        isFirst = false;
        lock (_gate)
        {
            if (_resets != resets)
                return null;
            if (_isDraining)
                throw PresenceErrors.ServerStopping();
            if (!_feeds.TryGetValue(request.Service, out var feed) || feed.ServiceId < record.Id)
            {
                // The SID belongs to a new service instance. The batch that deletes the old one is still on its way, and will not find the
                // old feed here.
                feed?.EndAll(() => PresenceErrors.ServiceInstanceNotFound(request.Service));
                isFirst = feed is null;
                _feeds[request.Service] = feed = new ServiceFeed(record, _patience, Resume, Sizes);
            }
            var queue = new WatchQueue(feed, request.Filter, feed.Share(record.Configuration));
            var schedule = new WatchSchedule(time, stallTimeout, jitter: (random.NextDouble() * 2) - 1);
            var session = new WatchSession(this, queue, schedule, request, reader, encoder, metrics, time);
            // The commits of other nodes may be on their way to the feed when a watch from now on opens.
            feed.Attach(queue, after: request.StartNow ? record.Revision : 0);
            _sessions.Add(session);
            metrics.WatchersChanged(1);
            return session;
        }
    }

    /// <summary>
    /// Returns the feed of the service instance, if one exists. Ends a feed of an earlier one that had the SID: it must be deleted, unless
    /// the commit that says so is lost.
    /// </summary>
    private ServiceFeed? FindFeed(ServiceSid service, long serviceId, ServiceCommit? commit = null)
    {
        ServiceFeed? feed;
        lock (_gate)
            feed = _feeds.GetValueOrDefault(service);
        if (feed is null || feed.ServiceId == serviceId)
            return feed;
        if (feed.ServiceId < serviceId && (commit is null || commit.Timeline == feed.Timeline))
            EndDeleted(feed);
        return null;
    }

    /// <summary>Reads the gap, if any, and otherwise waits for the commits that the feed misses.</summary>
    private void Read(ServiceFeed feed, GapRead? gap)
    {
        if (gap is not null)
            _ = ReadGapAsync(feed, gap);
        else if (_patience > 0)
            WaitFor(feed);
    }

    private void WaitFor(ServiceFeed feed)
    {
        if (feed.LateAt is null)
            return;
        LateFeeds late;
        lock (_gate)
            late = _late ??= new LateFeeds(time, feed => Read(feed, feed.FindLate(time.GetTimestamp())));
        late.Add(feed);
    }

    private async Task ReadGapAsync(ServiceFeed feed, GapRead gap)
    {
        try
        {
            for (GapRead? next = gap; next is not null; next = feed.FindLate(time.GetTimestamp()))
            {
                gap = next;
                if (!await TryReadAsync(feed, gap).ConfigureAwait(false))
                {
                    // The read did not see the commit that revealed the gap. The next tick tries again.
                    feed.StopReading(gap);
                    return;
                }
            }
            Read(feed, gap: null);
        }
        catch (StorageException)
        {
            // The next tick tries again.
            feed.StopReading(gap);
        }
        catch (PresenceException exception) when (exception.Reason == ErrorReason.ServiceInstanceNotFound)
        {
            EndDeleted(feed);
        }
#pragma warning disable CA1031 // no code awaits this task: whatever it throws, the sessions that wait for the gap must stop waiting
        catch (Exception exception)
#pragma warning restore CA1031
        {
            status.ReportFault(exception);
            End(feed, () => new PresenceException(ErrorReason.Internal, "The missed changes could not be read.", exception));
        }
    }

    /// <summary>Reads a gap to its end. Returns false if the store does not show its target.</summary>
    private async ValueTask<bool> TryReadAsync(ServiceFeed feed, GapRead gap)
    {
        var position = gap.From;
        while (true)
        {
            var page = await store.ListChangesAsync(feed.Service, position, Sizes.Page, CancellationToken.None)
                .ConfigureAwait(false);
            if (page.Service.Id != feed.ServiceId)
                throw PresenceErrors.ServiceInstanceNotFound(feed.Service); // deleted, and its SID given to another one
            if (page.Service.Timeline != feed.Timeline)
            {
                End(feed, CommitsLost);
                return true;
            }
            if (feed.PublishGapPage(gap, page, isLast: !page.HasMore))
                return true;
            if (!page.HasMore)
                return false;
            position = page.Changes[^1].Revision;
        }
    }

    private void EndDeleted(ServiceFeed feed) => End(feed, () => PresenceErrors.ServiceInstanceNotFound(feed.Service));

    /// <summary>Ends all watches of a feed that cannot continue. The next watch gets a new feed.</summary>
    private void End(ServiceFeed feed, Func<PresenceException> reason)
    {
        bool isRemoved;
        lock (_gate)
            isRemoved = RemoveLocked(feed);
        feed.EndAll(reason);
        if (isRemoved)
            WatchedChanged?.Invoke(feed.Service);
    }

    private bool RemoveLocked(ServiceFeed feed) => _feeds.GetValueOrDefault(feed.Service) == feed && _feeds.Remove(feed.Service);
}

/// <summary>A service instance that has a watch.</summary>
/// <param name="Sid">Its SID.</param>
/// <param name="Id">Its key.</param>
/// <param name="Revision">The revision up to which its watches were offered every change.</param>
public readonly record struct WatchedService(ServiceSid Sid, long Id, long Revision);
