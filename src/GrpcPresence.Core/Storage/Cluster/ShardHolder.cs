using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Storage.Cluster;

/// <summary>A row of a shard.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Node">The run that holds it; null if none does.</param>
/// <param name="Epoch">Greater after each change of the holder. 0 if the shard never had one.</param>
public readonly record struct ShardHolder(Shard Shard, NodeId? Node, long Epoch);
