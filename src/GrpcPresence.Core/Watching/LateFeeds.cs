namespace GrpcPresence.Core.Watching;

/// <summary>
/// The feeds that wait for a commit of another node, with one timer for all. Without such a feed no timer runs. Safe from any thread.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="onDue">Called, by the timer, with each feed, which may have waited long enough.</param>
internal sealed class LateFeeds(TimeProvider time, Action<ServiceFeed> onDue) : IDisposable
{
    private readonly Lock _gate = new(); // guards the fields; nothing is called under it except the timer
    private readonly HashSet<ServiceFeed> _feeds = [];
    private ITimer? _timer;
    private long _dueAt = long.MaxValue; // when the timer fires
    private bool _isDisposed;

    /// <summary>Looks at the feed when it has waited long enough; does nothing if it does not wait.</summary>
    public void Add(ServiceFeed feed)
    {
        if (feed.LateAt is not { } lateAt)
            return;
        lock (_gate)
        {
            if (_isDisposed)
                return;
            _feeds.Add(feed);
            if (lateAt >= _dueAt)
                return;
            // A feed that must not wait at all names the earliest time that there is, from which no time must be subtracted.
            var now = time.GetTimestamp();
            var left = lateAt <= now ? 0 : Math.Ceiling(time.GetElapsedTime(now, lateAt).TotalMilliseconds);
            _dueAt = lateAt;
            _timer ??= time.CreateTimer(
                static feeds => ((LateFeeds)feeds!).Look(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            // Timers count whole milliseconds. Rounded down, the timer would fire before the time and be set once more.
            _timer.Change(TimeSpan.FromMilliseconds(left), Timeout.InfiniteTimeSpan);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _timer?.Dispose();
        }
    }

    private void Look()
    {
        ServiceFeed[] feeds;
        lock (_gate)
        {
            feeds = [.. _feeds];
            _feeds.Clear();
            _dueAt = long.MaxValue;
        }
        foreach (var feed in feeds)
        {
            onDue(feed);
            Add(feed);
        }
    }
}
