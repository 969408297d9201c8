using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Confirmation;

/// <summary>The lease of an active node, as the store keeps it.</summary>
/// <param name="Node">The node.</param>
/// <param name="Renewal">The number of its last renewal; 0 before the first one.</param>
/// <param name="Members">The active nodes at that renewal, the node included; empty before the first one.</param>
/// <param name="AcknowledgedMembers">
/// Those at the last renewal whose answer the node had received before it sent this one; empty if it had received none. A node without an
/// answer asks no peers.
/// </param>
/// <param name="Age">How old the last renewal is, or the lease if it has none, on the clock of the store.</param>
public sealed record Lease(
    NodeId Node,
    long Renewal,
    ImmutableArray<NodeId> Members,
    ImmutableArray<NodeId> AcknowledgedMembers,
    TimeSpan Age);
