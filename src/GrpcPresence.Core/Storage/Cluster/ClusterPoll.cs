using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Storage.Cluster;

/// <summary>What has changed in the cluster since an earlier poll, at one moment. Immutable.</summary>
/// <param name="Identity">
/// The identity of the data. Another one than before says that commits may be lost that were acknowledged: a restored backup, or a standby
/// that was promoted.
/// </param>
/// <param name="MembersVersion">Raised when a node joins, leaves or is evicted.</param>
/// <param name="Members">The active nodes, by name; null if <see cref="MembersVersion"/> is the known one.</param>
/// <param name="Leases">The leases of all active nodes, by name, in each poll: each of them is renewed often.</param>
/// <param name="Epoch">The highest epoch of all shards.</param>
/// <param name="Shards">The shards whose epoch is above the known one, by ascending number.</param>
/// <param name="ChangesVersion">
/// Raised by a commit that writes API keys, webhook settings (the position alone is none) or notification settings.
/// </param>
/// <param name="Services">
/// Those of <see cref="KnownCluster.Services"/> whose revision or version is not the known one, in their order.
/// </param>
/// <param name="Gone">The keys of those of <see cref="KnownCluster.Services"/> that do not exist or were deleted, in their order.</param>
/// <param name="Uptime">The stored uptime of the cluster.</param>
/// <param name="Time">The wall time of the store, read during the call. It may be set forward or back.</param>
public sealed record ClusterPoll(
    DataIdentity Identity,
    long MembersVersion,
    ImmutableArray<NodeId>? Members,
    ImmutableArray<NodeLease> Leases,
    long Epoch,
    ImmutableArray<ShardHolder> Shards,
    long ChangesVersion,
    ImmutableArray<PolledService> Services,
    ImmutableArray<long> Gone,
    ServerUptime Uptime,
    DateTimeOffset Time);

/// <summary>A service instance that has changed.</summary>
/// <param name="Record">The record.</param>
/// <param name="Version">Raised by each change of the settings, as <see cref="Batches.StoredService.Version"/> is.</param>
public readonly record struct PolledService(ServiceRecord Record, long Version);
