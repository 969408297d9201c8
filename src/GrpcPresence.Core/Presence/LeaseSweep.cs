using System.Collections;
using GrpcPresence.Core.Telemetry;

namespace GrpcPresence.Core.Presence;

/// <summary>Goes through the shards and ends the leases that have run out; tells the metrics, outside the shards' locks. One call at a time.</summary>
internal sealed class LeaseSweep(TrackerShard[] shards, PresenceMetrics metrics)
{
    private readonly List<long> _lateness = [];

    /// <summary>Ends what has run out by now.</summary>
    public void Run()
    {
        // Shards take turns, so that who waits for the lock of one gets it while the others are gone through. One that is done is left out: it
        // would begin anew with what is not due yet, and among many such shards there might always be one that is not done.
        for (var undone = new BitArray(shards.Length, defaultValue: true); undone.HasAnySet();)
        {
            for (var index = 0; index < shards.Length; index++)
            {
                if (!undone[index])
                    continue;
                undone[index] = shards[index].ExpireBatch(_lateness);
                RecordLateness();
            }
        }
        foreach (var shard in shards)
            RecordTransitions(shard);
    }

    private void RecordLateness()
    {
        foreach (var late in _lateness)
            metrics.LeaseEnded(TimeSpan.FromTicks(late));
        _lateness.Clear();
    }

    private void RecordTransitions(TrackerShard shard)
    {
        var (cameOnline, wentOffline) = shard.TakeTransitions();
        for (; cameOnline > 0; cameOnline--)
            metrics.TransitionRecorded(online: true);
        for (; wentOffline > 0; wentOffline--)
            metrics.TransitionRecorded(online: false);
    }
}
