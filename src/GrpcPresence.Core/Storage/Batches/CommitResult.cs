using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Storage.Batches;

/// <summary>What a commit did. Immutable.</summary>
/// <param name="IsDirectoryStale">
/// Whether the directory has changed since it was read, or a service instance is stale that the commit creates or deletes. Then nothing of
/// the batch is written except the number of the commit.
/// </param>
/// <param name="Services">The outcome for each of <see cref="BatchWrites.Services"/>, in their order.</param>
public sealed record CommitResult(bool IsDirectoryStale, ImmutableArray<ServiceResult> Services)
{
    // Nearly always empty. Each command of a batch asks, and a batch can have as many service instances as commands.
    private readonly HashSet<ServiceSid> _stale = [.. Services.Where(service => service.IsStale).Select(service => service.Sid)];

    /// <summary>The result of a commit without service instances.</summary>
    public static CommitResult Empty { get; } = new(IsDirectoryStale: false, []);

    /// <summary>
    /// The shards of the batch that the node does not hold, or not under the epoch that the batch named. If there are any, nothing of the
    /// batch is written except the number of the commit.
    /// </summary>
    public ImmutableArray<Shard> LostShards { get; init; } = [];

    /// <summary>
    /// The epoch that the shards of <see cref="BatchWrites.Switches"/> have now; null without such shards, or if they were not switched.
    /// </summary>
    public long? SwitchEpoch { get; init; }

    /// <summary>Whether nothing of the batch is written except the number of the commit.</summary>
    public bool IsRefused => IsDirectoryStale || LostShards.Length > 0;

    /// <summary>Whether everything is written.</summary>
    public bool IsWhole => !IsRefused && _stale.Count == 0;

    /// <summary>Whether what a batch writes to the service instance is not written.</summary>
    public bool IsStale(ServiceSid sid) => IsRefused || _stale.Contains(sid);
}

/// <summary>What a commit did to one service instance.</summary>
/// <param name="Sid">The service instance.</param>
/// <param name="IsStale">
/// Whether another writer has changed what the batch read of the service instance, or has deleted or created it. Then nothing is written
/// to it.
/// </param>
/// <param name="Base">
/// The counters of the service instance before the commit. They are higher than those that were read if another writer has committed in
/// between. The store has moved the new revisions and keys up by the difference. Meaningless if the service instance is stale.
/// </param>
public readonly record struct ServiceResult(ServiceSid Sid, bool IsStale, ServiceCounters Base);
