using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// Brings committed changes to the watches. Opens watches, passes the writer's batches to the feed of their service instance, and checks
/// the times of all watches in one tick. Safe from any thread.
/// </summary>
public sealed class WatchHub(
    IStoreReader store,
    IUserEncoder encoder,
    StorageStatus status,
    PresenceMetrics metrics,
    TimeProvider time,
    Random random,
    TimeSpan stallTimeout) : ICommitPublisher
{
    // Guards the feeds, the sessions and the random numbers. No await, no I/O and no log under it. Order of locks: this one, then a feed's.
    private readonly Lock _gate = new();
    private readonly Dictionary<ServiceSid, ServiceFeed> _feeds = [];
    private readonly HashSet<WatchSession> _sessions = [];
    private bool _isDraining;

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
        var record = await store.FindServiceAsync(request.Service, cancellationToken).ConfigureAwait(false)
            ?? throw PresenceErrors.ServiceInstanceNotFound(request.Service);
        lock (_gate)
        {
            if (_isDraining)
                throw PresenceErrors.ServerStopping();
            if (!_feeds.TryGetValue(request.Service, out var feed) || feed.ServiceId < record.Id)
            {
                // The SID belongs to a new service instance. The batch that deletes the old one is still on its way, and will not find the
                // old feed here.
                feed?.EndAll(() => PresenceErrors.ServiceInstanceNotFound(request.Service));
                _feeds[request.Service] = feed = new ServiceFeed(record);
            }
            var queue = new WatchQueue(feed, request.Filter, feed.Share(record.Configuration));
            var schedule = new WatchSchedule(time, stallTimeout, jitter: (random.NextDouble() * 2) - 1);
            var session = new WatchSession(this, queue, schedule, request, reader, encoder, metrics, time);
            feed.Attach(queue);
            _sessions.Add(session);
            metrics.WatchersChanged(1);
            return session;
        }
    }

    /// <inheritdoc/>
    public bool NeedsUsers(ServiceSid service)
    {
        lock (_gate)
            return _feeds.ContainsKey(service);
    }

    /// <inheritdoc/>
    public void Publish(IReadOnlyList<ServiceCommit> commits)
    {
        foreach (var commit in commits)
        {
            ServiceFeed? feed;
            lock (_gate)
            {
                if (!_feeds.TryGetValue(commit.Service.Sid, out feed) || feed.ServiceId != commit.Service.Id)
                    continue;
            }
            if (commit.IsDeleted)
                End(feed, () => PresenceErrors.ServiceInstanceNotFound(commit.Service.Sid));
            else if (feed.Publish(commit) is { } gap)
                _ = ReadGapAsync(feed, gap);
        }
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
        foreach (var session in sessions)
            session.Tick(now);
        var overdue = now - (long)(Limits.Tick.TotalSeconds * time.TimestampFrequency);
        foreach (var feed in feeds)
        {
            if (feed.FindOverdue(overdue) is { } gap)
                _ = ReadGapAsync(feed, gap);
        }
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
        lock (_gate)
        {
            if (!_sessions.Remove(session))
                return;
            metrics.WatchersChanged(-1);
            var feed = session.Queue.Feed;
            if (feed.Detach(session.Queue))
                RemoveLocked(feed);
        }
    }

    private static PresenceException InvalidToken(string description) =>
        new([new Violation("resume_token", ErrorReason.ResumeTokenInvalid, description)]);

    private async Task ReadGapAsync(ServiceFeed feed, GapRead gap)
    {
        try
        {
            var position = gap.From;
            while (true)
            {
                var page = await store.ListChangesAsync(feed.Service, position, Limits.WatchPageSize, CancellationToken.None)
                    .ConfigureAwait(false);
                var isLast = !page.HasMore;
                if (page.Service.Id != feed.ServiceId)
                    throw PresenceErrors.ServiceInstanceNotFound(feed.Service); // deleted, and its SID given to another one
                if (feed.PublishGapPage(gap, page, isLast))
                    return;
                if (isLast)
                {
                    // The read did not see the commit that revealed the gap. The next tick tries again.
                    feed.StopReading(gap);
                    return;
                }
                position = page.Changes[^1].Revision;
            }
        }
        catch (StorageException)
        {
            // The next tick tries again.
            feed.StopReading(gap);
        }
        catch (PresenceException exception) when (exception.Reason == ErrorReason.ServiceInstanceNotFound)
        {
            End(feed, () => PresenceErrors.ServiceInstanceNotFound(feed.Service));
        }
#pragma warning disable CA1031 // no code awaits this task: whatever it throws, the sessions that wait for the gap must stop waiting
        catch (Exception exception)
#pragma warning restore CA1031
        {
            status.ReportFault(exception);
            End(feed, () => new PresenceException(ErrorReason.Internal, "The missed changes could not be read.", exception));
        }
    }

    /// <summary>Ends all watches of a feed that cannot continue. The next watch gets a new feed.</summary>
    private void End(ServiceFeed feed, Func<PresenceException> reason)
    {
        lock (_gate)
            RemoveLocked(feed);
        feed.EndAll(reason);
    }

    private void RemoveLocked(ServiceFeed feed)
    {
        if (_feeds.GetValueOrDefault(feed.Service) == feed)
            _feeds.Remove(feed.Service);
    }
}
