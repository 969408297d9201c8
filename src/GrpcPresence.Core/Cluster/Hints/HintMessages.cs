using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Cluster.Hints;

/// <summary>The service instances that the sender watches, and whose commits it wants to see.</summary>
/// <param name="Services">All of them.</param>
/// <param name="Number">The number of the last change that is in it.</param>
public sealed record WatchedServices(ImmutableHashSet<ServiceSid> Services, long Number) : NodeMessage;

/// <summary>A change of what the sender watches.</summary>
/// <param name="Number">1 for the first change of a run, and one more for each later one.</param>
/// <param name="Added">What it watches from now on.</param>
/// <param name="Removed">What it does not watch any more.</param>
public sealed record WatchedChange(long Number, ImmutableArray<ServiceSid> Added, ImmutableArray<ServiceSid> Removed) : NodeMessage;

/// <summary>Asks for <see cref="WatchedServices"/>, because the sender has missed a change.</summary>
public sealed record WatchedRequest : NodeMessage;

/// <summary>What the sender has committed. It may come late, twice or never: the poll finds what is missing.</summary>
/// <param name="Data">The data in which it has. Their revisions mean nothing in other data.</param>
/// <param name="Commits">The commits.</param>
public sealed record CommitHint(DataIdentity Data, ImmutableArray<ServiceCommit> Commits) : NodeMessage;

/// <summary>Shards whose holder has changed.</summary>
/// <param name="Data">The data that says so.</param>
/// <param name="Shards">The new holders.</param>
public sealed record HolderHint(DataIdentity Data, ImmutableArray<ShardHolder> Shards) : NodeMessage;
