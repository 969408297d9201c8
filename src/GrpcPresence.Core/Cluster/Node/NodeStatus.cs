using GrpcPresence.Core.Cluster.Channel;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>What a node tells the others about itself, again and again.</summary>
/// <param name="IsLeaving">Whether the node gives all its shards away, and is the target of none.</param>
/// <param name="Number">Greater for each later status of the run.</param>
public sealed record NodeStatus(bool IsLeaving, long Number) : NodeMessage;
