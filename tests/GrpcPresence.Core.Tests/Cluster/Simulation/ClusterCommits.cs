using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>
/// Checks the fence and the configuration of each commit of a node that has changed rows, whatever the store says of it.
/// </summary>
internal sealed class ClusterCommits
{
    private BrokenPromiseException? _broken;

    /// <summary>Takes a commit. A writer would handle an exception as a failure of the store, so the next check throws it.</summary>
    public void Take(BatchWrites writes, StoreImage before, StoreImage after)
    {
        if (writes.Node is not { } node || ReferenceEquals(before.Services, after.Services))
            return;
        if (before.Cluster.FindActive(node) is null)
            _broken ??= new BrokenPromiseException("Fence", $"{node} has written, and is not active");
        foreach (var named in writes.Shards)
        {
            var holder = before.Cluster.Shards.GetValueOrDefault(named.Shard.Number);
            if (holder.Node != node || holder.Epoch != named.Epoch)
                _broken ??= new BrokenPromiseException("Fence", $"{node} has written {named}, and the holder is {holder}");
        }
        foreach (var written in writes.Services)
        {
            var id = written.Service.Record.Id;
            if (!written.IsNew && before.Services.TryGetValue(id, out var known) && known != after.Services.GetValueOrDefault(id)
                && known.Version != written.Read.Version)
            {
                _broken ??= new BrokenPromiseException(
                    "Configuration", $"{node} has decided by version {written.Read.Version}, and {known.Version} is stored");
            }
        }
    }

    /// <summary>Throws if a commit has broken a promise.</summary>
    /// <exception cref="BrokenPromiseException">A promise does not hold.</exception>
    public void Check()
    {
        if (_broken is { } broken)
            throw broken;
    }
}
