using System.Collections;
using GrpcPresence.Core.Telemetry;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// Goes through the shards and ends expired leases. Updates the metrics outside the shards' locks. Not safe for concurrent calls.
/// </summary>
internal sealed class LeaseSweep(TrackerShard[] shards, PresenceMetrics metrics)
{
    private readonly List<long> _lateness = [];

    /// <summary>Ends all leases that have expired by now.</summary>
    public void Run()
    {
        // The sweep alternates between shards, so that a caller that waits for a shard's lock gets it meanwhile. It skips a finished shard:
        // another pass over that shard would find newly due users, and with many shards one might always be unfinished.
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
