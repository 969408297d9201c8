using GrpcPresence.Core.Cluster.Channel;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>The state that a node sends to the others every <see cref="Domain.Limits.NodeStatusInterval"/>.</summary>
/// <param name="IsLeaving">Whether the node gives all its shards away, and is the target of none.</param>
/// <param name="IsStoreAway">Whether the store has not answered the node for so long that it should get no shard.</param>
/// <param name="Number">Greater for each later status of the run.</param>
/// <param name="Watched">The number of the last change of what the node watches; 0 if it has not watched anything.</param>
public sealed record NodeStatus(bool IsLeaving, bool IsStoreAway, long Number, long Watched) : NodeMessage;
