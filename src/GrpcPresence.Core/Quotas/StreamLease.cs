namespace GrpcPresence.Core.Quotas;

/// <summary>The place that an open stream takes; disposing of it gives the place back, once. Safe from any thread.</summary>
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
    /// Gives back the place that one subject holds. The open stream goes last: while it counts, the counters are not dropped.
    /// </summary>
    public static void Release(UsageCounters counters, int watchedUsers)
    {
        counters.WatchedUsers.Remove(watchedUsers);
        counters.OpenStreams.Remove(1);
    }
}
