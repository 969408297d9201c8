using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Something in the life of a node that its operator should find in the log. <see cref="ClusterNode.Step"/> returns the events. None names
/// a user or a secret.
/// </summary>
public abstract record NodeEvent;

/// <summary>The node has joined the cluster. It gets shards from now on.</summary>
public sealed record NodeJoined : NodeEvent;

/// <summary>
/// Clients may call the node: it has opened every shard that was to be its own after it had joined, or its clock is right again.
/// </summary>
/// <param name="After">How long it was not ready, or had joined before.</param>
public sealed record NodeReady(TimeSpan After) : NodeEvent;

/// <summary>
/// Clients should not call the node any more. Comes once after each <see cref="NodeReady"/>, unless the node ends while it is ready.
/// </summary>
/// <param name="Reason">Why.</param>
/// <param name="After">How long it was ready.</param>
public sealed record NodeNotReady(NotReadyReason Reason, TimeSpan After) : NodeEvent;

/// <summary>The node was asked to leave. It gives its shards to others.</summary>
/// <param name="OpenShards">The number of shards that were open here before.</param>
public sealed record NodeLeaving(int OpenShards) : NodeEvent;

/// <summary>The node has ended. No event follows.</summary>
/// <param name="End">Why.</param>
public sealed record NodeEnded(NodeEnd End) : NodeEvent;

/// <summary>
/// Shards were opened or closed here. Comes once for all changes of a <see cref="Domain.Limits.NodeReadInterval"/>. A shard that was closed
/// and opened again in between does not count.
/// </summary>
/// <param name="Opened">The number of shards that were opened.</param>
/// <param name="Closed">The number of shards that were closed or sealed.</param>
/// <param name="Open">The number of shards that are open now.</param>
public sealed record ShardsMoved(int Opened, int Closed, int Open) : NodeEvent;

/// <summary>The node is confirmed: for the first time, or again. It answers calls that depend on sessions.</summary>
/// <param name="After">How long it was not confirmed, or had joined before, as its steps have seen it.</param>
public sealed record NodeConfirmed(TimeSpan After) : NodeEvent;

/// <summary>The node is not confirmed any more. It rejects calls that depend on sessions, and ends if this lasts.</summary>
/// <param name="RenewedBefore">How long ago it sent the last renewal that the store has acknowledged; null before the first.</param>
/// <param name="SilentPeers">The peers that did not confirm it instead.</param>
public sealed record NodeUnconfirmed(TimeSpan? RenewedBefore, ImmutableArray<NodeId> SilentPeers) : NodeEvent;

/// <summary>The view lacks a node that the store shows as active. This node tries to evict it.</summary>
/// <param name="Node">The node.</param>
public sealed record EvictionBegun(NodeId Node) : NodeEvent;

/// <summary>The store has evicted a node, as this node has asked. Its shards have no holder until they are claimed.</summary>
/// <param name="Node">The node.</param>
/// <param name="HadVotes">Whether enough nodes have voted. Otherwise, its lease was too old for any peer to confirm it.</param>
public sealed record EvictionDone(NodeId Node, bool HadVotes) : NodeEvent;

/// <summary>
/// The store was asked to evict a node, and did not. This node asks again as long as the view lacks that node. Comes once for each renewal
/// and reason.
/// </summary>
/// <param name="Node">The node.</param>
/// <param name="Reason">Why.</param>
public sealed record EvictionRefused(NodeId Node, EvictionRefusal Reason) : NodeEvent;

/// <summary>
/// This node does not try to evict a node any more: another one has evicted it, a view shows it again, the store has stopped to answer, or
/// the data has changed.
/// </summary>
/// <param name="Node">The node.</param>
public sealed record EvictionAbandoned(NodeId Node) : NodeEvent;

/// <summary>
/// The node knows other data from now on: the first, or that of another server or timeline. In the second case, commits that were
/// acknowledged may be lost.
/// </summary>
/// <param name="Before">The data that it knew; null if it knew none.</param>
/// <param name="Data">The data.</param>
public sealed record DataChanged(DataIdentity? Before, DataIdentity Data) : NodeEvent;

/// <summary>Why a node that was ready is not ready any more.</summary>
public enum NotReadyReason
{
    /// <summary>It was asked to leave. It is never ready again.</summary>
    Leaving,

    /// <summary>Its clock is too far from the store's: see the clock problem in the status.</summary>
    Clock,
}

/// <summary>Why the store has not evicted a node.</summary>
public enum EvictionRefusal
{
    /// <summary>
    /// The node has renewed its lease since, the node is not active any more, or the store holds other data.
    /// </summary>
    Condition,

    /// <summary>The call has failed: see the store calls in the status.</summary>
    Failed,
}
