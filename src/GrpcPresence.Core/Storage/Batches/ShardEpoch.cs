using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Storage.Batches;

/// <summary>A shard that a commit writes to, and the epoch under which the node must hold it.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Epoch">The epoch.</param>
public readonly record struct ShardEpoch(Shard Shard, long Epoch);

/// <summary>A shard that a commit gives to another node.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Epoch">The epoch under which the node must hold it until then.</param>
/// <param name="Receiver">The run of the node that holds it from then on, if it is active.</param>
public readonly record struct ShardSwitch(Shard Shard, long Epoch, NodeId Receiver);
