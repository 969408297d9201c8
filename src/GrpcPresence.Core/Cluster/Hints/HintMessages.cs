using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Cluster.Hints;

/// <summary>The service instances that the sender watches, and whose commits it wants to see.</summary>
/// <param name="Services">All of them.</param>
/// <param name="Number">Greater for each later message of the run.</param>
public sealed record WatchedServices(ImmutableHashSet<ServiceSid> Services, long Number) : NodeMessage;

/// <summary>What the sender has committed. It may come late, twice or never: the poll finds what is missing.</summary>
/// <param name="Data">The data in which it has. Their revisions mean nothing in other data.</param>
/// <param name="Commits">The commits.</param>
public sealed record CommitHint(DataIdentity Data, ImmutableArray<ServiceCommit> Commits) : NodeMessage;

/// <summary>Shards whose holder has changed.</summary>
/// <param name="Data">The data that says so.</param>
/// <param name="Shards">The new holders.</param>
public sealed record HolderHint(DataIdentity Data, ImmutableArray<ShardHolder> Shards) : NodeMessage;
