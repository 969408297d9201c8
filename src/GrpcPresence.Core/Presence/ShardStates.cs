using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Presence;

/// <summary>What the tracker knows of the shards of a cluster. Absent outside of one.</summary>
internal sealed class ShardStates(ShardGates gates)
{
    // Written while the gate is not open, and both written and read under the lock of the part that has the users of the shard.
    private readonly ServerUptime[] _takenOver = new ServerUptime[Shard.Count];

    /// <summary>The gates.</summary>
    public ShardGates Gates { get; } = gates;

    /// <summary>
    /// The uptime at which a node last took the shard over, and the wall time at which the node before was last known to run.
    /// </summary>
    public ref ServerUptime TakenOver(Shard shard) => ref _takenOver[shard.Number];
}
