using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>Claims shards without a holder in the store. Used only by the loop of the node.</summary>
/// <param name="parts">The parts of the node.</param>
/// <param name="table">Learns what was claimed.</param>
/// <param name="calls">Creates the call of the store.</param>
internal sealed class ShardClaim(NodeParts parts, ShardTable table, StoreCalls calls)
{
    private readonly StoreCall<DataIdentity, ImmutableArray<ShardHolder>> _call =
        calls.Create<DataIdentity, ImmutableArray<ShardHolder>>(StoreCallKind.Claim);

    /// <summary>Takes the answer of the store, and sends it to the other nodes, so that they need not wait for their polls.</summary>
    public void Take(ClusterView view)
    {
        if (!_call.TryTake(out var data, out var claimed, out var error) || error is not null)
            return;
        if (claimed.IsEmpty)
        {
            _call.Pause(); // other nodes have them, or the data is other data; the poll shows it
            return;
        }
        foreach (var holder in claimed)
            table.Update(holder.Shard, new KnownHolder(holder.Node, holder.Epoch, data));
        parts.Channel.SendToOthers(view, parts.View.Self, new HolderHint(data, claimed));
    }

    /// <summary>Begins to claim shards, unless a claim is in progress.</summary>
    /// <param name="data">The data in which the shards have no holder.</param>
    /// <param name="shards">The shards.</param>
    public void Begin(DataIdentity data, IReadOnlyList<Shard> shards)
    {
        if (shards.Count > 0 && _call.MayBegin)
            _call.Begin(data, parts.Store.ClaimAsync(parts.View.Self, data, [.. shards], CancellationToken.None));
    }
}
