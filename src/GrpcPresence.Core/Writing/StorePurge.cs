using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Writing;

/// <summary>Purges rows that are no longer needed, while no command waits. Used only by the writer's thread.</summary>
/// <param name="store">The store.</param>
/// <param name="status">Whether the store works.</param>
/// <param name="time">The clock.</param>
/// <param name="tombstoneRetention">How long the tombstone of a deleted user is kept.</param>
internal sealed class StorePurge(WriterStore store, StorageStatus status, TimeProvider time, TimeSpan tombstoneRetention)
{
    /// <summary>How often the writer looks for rows to purge.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private long? _purgedAt; // monotonic time of the last purge that found nothing or failed; null if rows may remain

    /// <summary>Notes that a service instance was deleted, whose rows can be purged at once.</summary>
    public void NoteDeletion() => _purgedAt = null;

    /// <summary>
    /// Purges some rows when it is time. Tries a store that failed at each call until a commit succeeds: no other command may be queued
    /// that would show that it works again. A read proves nothing, because the disk may still be full.
    /// </summary>
    public WriteOutcome RunOnce()
    {
        var isTrial = status.IsFailing;
        if (!isTrial && _purgedAt is { } at && time.GetElapsedTime(at) < Interval)
            return WriteOutcome.Idle;
        _purgedAt = time.GetTimestamp();
        var purged = 0;
        if (!store.TryUse(() =>
        {
            purged = store.Purge(time.GetUtcNow() - tombstoneRetention, Limits.RowsPerPurge);
            if (isTrial && purged == 0)
                store.CommitUptime();
        }))
        {
            return WriteOutcome.Failed;
        }
        if (purged > 0)
            _purgedAt = null;
        status.Report(null);
        return purged > 0 || isTrial ? WriteOutcome.Written : WriteOutcome.Idle;
    }
}
