using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Storage.Cluster;

/// <summary>What a store says when it has renewed a lease.</summary>
/// <param name="Data">The data that holds the lease.</param>
/// <param name="Members">The active nodes at that moment.</param>
public readonly record struct RenewedLease(DataIdentity Data, ImmutableArray<NodeId> Members);
