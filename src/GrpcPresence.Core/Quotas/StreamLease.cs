namespace GrpcPresence.Core.Quotas;

/// <summary>The lease of an open stream. Disposing it releases the stream, once. Safe from any thread.</summary>
internal sealed class StreamLease(UsageCounters service, UsageCounters? caller, int watchedUsers) : IDisposable
{
    private int _isReleased;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isReleased, 1) != 0)
            return;
        Release(service, watchedUsers);
        if (caller is not null)
            Release(caller, watchedUsers);
    }

    /// <summary>
    /// Releases the stream in one subject's counters. The number of open streams goes last: while it counts, the counters are not dropped.
    /// </summary>
    public static void Release(UsageCounters counters, int watchedUsers)
    {
        counters.WatchedUsers.Remove(watchedUsers);
        counters.OpenStreams.Remove(1);
    }
}
