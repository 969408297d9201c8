using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Storage.Cluster;

/// <summary>The lease of an active run of a node, as the store has it. Immutable.</summary>
/// <param name="Node">The run.</param>
/// <param name="Renewal">The number of the last renewal; 0 before the first one.</param>
/// <param name="Age">The time since that renewal, on the store's clock. Never negative.</param>
/// <param name="Members">The active nodes at that renewal. Empty before the first one.</param>
/// <param name="Acknowledged">
/// The active nodes at the last renewal whose answer the run had received by then. A majority of these may still confirm the run.
/// </param>
public sealed record NodeLease(
    NodeId Node, long Renewal, TimeSpan Age, ImmutableArray<NodeId> Members, ImmutableArray<NodeId> Acknowledged);
