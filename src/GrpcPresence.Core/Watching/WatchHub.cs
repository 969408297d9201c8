using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Watching;

/// <summary>
/// Brings committed changes to whoever watches. Opens watches, takes batches from the writer, and keeps the times of all watches with one tick.
/// Safe from any thread.
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
    private readonly Lock _gate = new(); // guards the feeds, the readers and the random numbers; a feed's lock is taken inside it
    private readonly Dictionary<ServiceSid, ServiceFeed> _feeds = [];
    private readonly HashSet<WatchReader> _readers = [];
    private bool _isDraining;

    /// <summary>How many users all watchers owe their clients.</summary>
    public long PendingUsers
    {
        get
        {
            lock (_gate)
                return _readers.Sum(reader => (long)reader.PendingCount);
        }
    }

    /// <summary>Opens a watch: it is attached when this returns, and sees every change from then on. The caller reads it and disposes of it.</summary>
    /// <exception cref="PresenceException">ServiceInstanceNotFound, ServerStopping, ResumeTokenInvalid, StorageUnavailable.</exception>
    public async ValueTask<WatchReader> OpenAsync(WatchRequest request, CancellationToken cancellationToken)
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
                // A deleted service instance's feed, whose SID was taken again: the batch that says so is still on its way and will not find it here.
                feed?.EndAll(() => PresenceErrors.ServiceInstanceNotFound(request.Service));
                _feeds[request.Service] = feed = new ServiceFeed(record);
            }
            var watcher = new Watcher(feed, request.Filter, feed.Share(record.Configuration));
            var schedule = new WatchSchedule(time, stallTimeout, jitter: (random.NextDouble() * 2) - 1);
            var reader = new WatchReader(this, watcher, schedule, request, store, encoder, metrics, time);
            feed.Attach(watcher);
            _readers.Add(reader);
            metrics.WatchersChanged(1);
            return reader;
        }
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

    /// <summary>Looks at the times of all watches and at gaps that nothing closed. Called once a tick; overlapping calls do no harm.</summary>
    public void Tick()
    {
        var now = time.GetTimestamp();
        WatchReader[] readers;
        ServiceFeed[] feeds;
        lock (_gate)
        {
            readers = [.. _readers];
            feeds = [.. _feeds.Values];
        }
        foreach (var reader in readers)
            reader.Tick(now);
        var overdue = now - (long)(Limits.Tick.TotalSeconds * time.TimestampFrequency);
        foreach (var feed in feeds)
        {
            if (feed.FindOverdue(overdue) is { } gap)
                _ = ReadGapAsync(feed, gap);
        }
    }

    /// <summary>Ends every watch with ServerStopping, and refuses new ones.</summary>
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

    /// <summary>The reader is done with.</summary>
    internal void Close(WatchReader reader, Watcher watcher)
    {
        lock (_gate)
        {
            if (!_readers.Remove(reader))
                return;
            metrics.WatchersChanged(-1);
            if (watcher.Feed.Detach(watcher) && _feeds.TryGetValue(watcher.Feed.Service, out var feed) && feed == watcher.Feed)
                _feeds.Remove(watcher.Feed.Service);
        }
    }

    /// <summary>The refusal of a resume token.</summary>
    internal static PresenceException InvalidToken(string description) =>
        new([new Violation("resume_token", ErrorReason.ResumeTokenInvalid, description)]);

    private async Task ReadGapAsync(ServiceFeed feed, GapRead gap)
    {
        try
        {
            var position = gap.From;
            while (true)
            {
                var page = await store.ListChangesAsync(feed.Service, position, Limits.WatchPageSize, CancellationToken.None).ConfigureAwait(false);
                var isLast = page.Changes.Count < Limits.WatchPageSize;
                if (page.Service.Id != feed.ServiceId)
                    throw PresenceErrors.ServiceInstanceNotFound(feed.Service); // deleted, and its SID given to another
                if (feed.Publish(gap, page, isLast))
                    return;
                if (isLast)
                {
                    // The store that was read is behind the commit that was heard of. The next tick tries again.
                    feed.FailPermanently(gap);
                    return;
                }
                position = page.Changes[^1].Revision;
            }
        }
        catch (StorageException)
        {
            // The next tick tries again.
            feed.FailPermanently(gap);
        }
        catch (PresenceException gone) when (gone.Reason == ErrorReason.ServiceInstanceNotFound)
        {
            End(feed, () => PresenceErrors.ServiceInstanceNotFound(feed.Service));
        }
#pragma warning disable CA1031 // nobody awaits this: whatever is thrown, watchers who wait for the gap must not wait for ever
        catch (Exception fault)
#pragma warning restore CA1031
        {
            status.ReportFault(fault);
            End(feed, () => new PresenceException(ErrorReason.Internal, "The missed changes could not be read.", fault));
        }
    }

    /// <summary>Ends all watches of a feed that is of no use any more; the next watch gets a new one.</summary>
    private void End(ServiceFeed feed, Func<PresenceException> reason)
    {
        lock (_gate)
        {
            if (_feeds.GetValueOrDefault(feed.Service) == feed)
                _feeds.Remove(feed.Service);
        }
        feed.EndAll(reason);
    }
}
