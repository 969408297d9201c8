using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Storage.Cluster;

/// <summary>The lease of an active run of a node, as the store has it. Immutable.</summary>
/// <param name="Node">The run.</param>
/// <param name="Data">The data that holds the lease.</param>
/// <param name="Renewal">The number of the last renewal; 0 before the first one.</param>
/// <param name="Members">The active nodes at that renewal. Empty before the first one.</param>
/// <param name="Acknowledged">
/// The active nodes at the last renewal whose answer the run had received by then; empty if it had received none. A majority of these may
/// still confirm the run. A run without an answer asks no peers.
/// </param>
public sealed record NodeLease(
    NodeId Node, DataIdentity Data, long Renewal, ImmutableArray<NodeId> Members, ImmutableArray<NodeId> Acknowledged);
