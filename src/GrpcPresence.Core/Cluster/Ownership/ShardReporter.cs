using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>
/// Finds out why shards are not open. It changes nothing. Created for one report, by the loop of the node.
/// </summary>
/// <remarks>The reasons follow the order in which <see cref="ShardOwnership"/> decides about a shard.</remarks>
internal sealed class ShardReporter
{
    /// <summary>This node.</summary>
    public required NodeId Self { get; init; }

    /// <summary>The holders of the shards.</summary>
    public required ShardTable Table { get; init; }

    /// <summary>What this node may do with each shard.</summary>
    public required ShardGates Gates { get; init; }

    /// <summary>The nodes that should hold the shards.</summary>
    public required ShardTargets Targets { get; init; }

    /// <summary>The nodes that have joined and are alive.</summary>
    public required ClusterView View { get; init; }

    /// <summary>What is handed over to this node.</summary>
    public required IncomingHandOvers Incoming { get; init; }

    /// <summary>What this node hands over.</summary>
    public required IReadOnlyDictionary<Shard, OutgoingHandOver> Outgoing { get; init; }

    /// <summary>What the last holders have said after their switches.</summary>
    public required IReadOnlyDictionary<Shard, HandOverDone> Done { get; init; }

    /// <summary>The time of the clock of the node.</summary>
    public required TimeSpan Now { get; init; }

    /// <summary>The loads.</summary>
    public required ShardLoads Loads { get; init; }

    /// <summary>The last epoch under which each shard was lost.</summary>
    public required long[] LostEpochs { get; init; }

    /// <summary>Whether the node closes all shards to leave.</summary>
    public required bool IsClosing { get; init; }

    /// <summary>Whether no node answers any more by earlier data.</summary>
    public required bool MayTakeOver { get; init; }

    /// <summary>Looks at each shard.</summary>
    public ShardReport Report()
    {
        var (targets, open) = (0, 0);
        List<ShardWait> waits = [];
        List<HandOver> moves = [];
        for (var number = 0; number < Shard.Count; number++)
        {
            var shard = new Shard(number);
            var isTarget = Targets[shard] == Self;
            var isOpen = Gates.IsOpen(shard);
            targets += isTarget ? 1 : 0;
            open += isOpen ? 1 : 0;
            // Most of the time nothing moves, and a lookup for each shard would take longer than the rest.
            var outgoing = Outgoing.Count > 0 ? Outgoing.GetValueOrDefault(shard) : null;
            var incoming = Incoming.IsEmpty ? null : Incoming.Find(shard);
            if (outgoing is not null)
                moves.Add(new HandOver(shard, outgoing.Stage, outgoing.To));
            else if (incoming is not null)
                moves.Add(new HandOver(shard, incoming.IsComplete ? HandOverStage.Received : HandOverStage.Receiving, incoming.From));
            if (!isOpen && (isTarget || Table[shard].Node == Self))
                waits.Add(FindWait(shard, outgoing, incoming));
        }
        return new ShardReport(targets, open, waits, moves, Loads.FailuresInRow);
    }

    private ShardWait FindWait(Shard shard, OutgoingHandOver? outgoing, Incoming? incoming)
    {
        var holder = Table[shard];
        if (outgoing is not null)
            return new ShardWait(shard, ShardWaitReason.GivenAway, outgoing.To);
        if (IsClosing)
            return new ShardWait(shard, ShardWaitReason.Leaving);
        if (holder.Node is not { } node)
            return new ShardWait(shard, ShardWaitReason.Claim);
        if (node != Self)
        {
            return !View.Contains(node) ? new ShardWait(shard, ShardWaitReason.Eviction, node)
                : new ShardWait(shard, incoming is null ? ShardWaitReason.Release : ShardWaitReason.HandOver, node);
        }
        if (Loads.Contains(shard))
            return new ShardWait(shard, ShardWaitReason.Loading);
        if (holder.Epoch <= LostEpochs[shard.Number])
            return new ShardWait(shard, ShardWaitReason.Lost);
        if (incoming is { IsComplete: true } && View.Contains(incoming.From) && !(incoming.WaitsUntil <= Now)
            && Done.GetValueOrDefault(shard)?.Holder.Epoch != holder.Epoch)
        {
            return new ShardWait(shard, ShardWaitReason.HandOver, incoming.From);
        }
        return new ShardWait(shard, MayTakeOver ? ShardWaitReason.LoadQueue : ShardWaitReason.Agreement);
    }
}
