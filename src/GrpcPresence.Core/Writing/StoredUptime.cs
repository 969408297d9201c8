using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Core.Writing;

/// <summary>
/// Stores how long the server has run, so that a crash cannot make a time wrong by more than the interval. Used only by the writer's
/// thread.
/// </summary>
/// <param name="users">Know the uptime.</param>
/// <param name="time">The clock.</param>
internal sealed class StoredUptime(ITrackedUsers users, TimeProvider time)
{
    private long? _storedAt; // monotonic time at which the uptime was last stored; null before the first time
    private long _takenAt; // monotonic time of the uptime in the commit that runs now

    /// <summary>Whether the next commit should contain the uptime.</summary>
    public bool IsDue =>
        users.Uptime is not null && (_storedAt is not { } at || time.GetElapsedTime(at) >= Limits.UptimeInterval);

    /// <summary>Adds the uptime to a commit when it is due.</summary>
    public void AddTo(BatchWrites writes)
    {
        if (!IsDue)
            return;
        _takenAt = time.GetTimestamp();
        writes.Uptime = new ServerUptime(time.GetUtcNow(), users.Uptime!.Value);
    }

    /// <summary>Notes a commit that happened. One that did not happen, or that was refused, has stored no uptime.</summary>
    public void NoteCommit(BatchWrites writes, CommitResult result)
    {
        if (writes.Uptime is not null && !result.IsRefused)
            _storedAt = _takenAt;
    }
}
