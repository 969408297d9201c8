using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Routing;

/// <summary>How many calls of an ingress wait for the same.</summary>
/// <param name="Reason">What they wait for.</param>
/// <param name="Node">The node that they were sent to, which may be this one; null if they were sent to none.</param>
/// <param name="Count">The number of calls.</param>
/// <param name="Longest">How long ago the client has made the first of them.</param>
public readonly record struct CallWaitCount(CallWaitReason Reason, NodeId? Node, int Count, TimeSpan Longest);

/// <summary>What a call of an ingress waits for.</summary>
public enum CallWaitReason
{
    /// <summary>A node that owns the shard: see the shards that wait. Fails after <see cref="Domain.Limits.OwnerWait"/>.</summary>
    Owner,

    /// <summary>
    /// The result of the owner that it was sent to: see the peer, and the writer of that node. Fails after
    /// <see cref="Domain.Limits.ForwardedCall"/>.
    /// </summary>
    Answer,

    /// <summary>A commit of this node: heartbeats that it has taken, and whose transition is not stored.</summary>
    Commit,
}
