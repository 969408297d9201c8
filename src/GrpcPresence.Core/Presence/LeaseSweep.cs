using System.Collections;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// Goes through the parts and ends expired leases. Queues marks of users that are still alive. Updates the metrics outside the parts'
/// locks. Not safe for concurrent calls.
/// </summary>
internal sealed class LeaseSweep(TrackerPart[] parts, CommandQueue queue, PresenceMetrics metrics)
{
    private readonly List<long> _lateness = [];
    private MarkAlive? _mark; // the last one; one is queued at a time

    /// <summary>Ends all leases that have expired by now.</summary>
    public void Run()
    {
        // The sweep alternates between parts, so that a caller that waits for a part's lock gets it meanwhile. It skips a finished part:
        // another pass over that part would find newly due users, and with many parts one might always be unfinished.
        for (var undone = new BitArray(parts.Length, defaultValue: true); undone.HasAnySet();)
        {
            for (var index = 0; index < parts.Length; index++)
            {
                if (!undone[index])
                    continue;
                undone[index] = parts[index].ExpireBatch(_lateness);
                RecordLateness();
            }
        }
        foreach (var part in parts)
            RecordTransitions(part);
        QueueMark();
    }

    private void QueueMark()
    {
        if (_mark is { IsOver: false })
            return;
        var users = new List<TrackedUser>();
        foreach (var part in parts)
            part.TakeUnmarked(users, Limits.UsersPerAliveMark - users.Count);
        _mark = users.Count > 0 ? new MarkAlive(users) : null;
        if (_mark is not null && !queue.TryEnqueue(_mark, background: true))
            _mark = null; // the server stops
    }

    private void RecordLateness()
    {
        foreach (var late in _lateness)
            metrics.LeaseEnded(TimeSpan.FromTicks(late));
        _lateness.Clear();
    }

    private void RecordTransitions(TrackerPart part)
    {
        var (cameOnline, wentOffline) = part.TakeTransitions();
        for (; cameOnline > 0; cameOnline--)
            metrics.TransitionRecorded(online: true);
        for (; wentOffline > 0; wentOffline--)
            metrics.TransitionRecorded(online: false);
    }
}
