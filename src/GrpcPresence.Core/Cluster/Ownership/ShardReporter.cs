using System.Numerics;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>
/// Finds out why shards are not open. It changes nothing. Created for one report, by the loop of the node.
/// </summary>
/// <remarks>
/// The reasons follow the order in which <see cref="ShardOwnership"/> decides about a shard. Most of the time all shards are open and
/// nothing moves. So whole words of bits are compared.
/// </remarks>
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

    /// <summary>The shards that this node holds.</summary>
    public required ShardBits Held { get; init; }

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
        var targets = Targets.OfNode(Self);
        var (targetCount, openCount) = (0, 0);
        List<ShardWait> waits = [];
        for (var word = 0; word < ShardBits.Words; word++)
        {
            var (target, open) = (targets?.Word(word) ?? 0, Gates.OpenWord(word));
            targetCount += BitOperations.PopCount(target);
            openCount += BitOperations.PopCount(open);
            for (var bits = (target | Held.Word(word)) & ~open; bits != 0; bits &= bits - 1)
                waits.Add(FindWait(ShardBits.ShardOf(word, bits)));
        }
        return new ShardReport(targetCount, openCount, waits, FindMoves(), Loads.FailuresInRow);
    }

    private List<HandOver> FindMoves()
    {
        List<HandOver> moves = [.. Outgoing.Select(move => new HandOver(move.Key, move.Value.Stage, move.Value.To))];
        foreach (var (shard, incoming) in Incoming.All)
        {
            if (!Outgoing.ContainsKey(shard))
                moves.Add(new HandOver(shard, incoming.IsComplete ? HandOverStage.Received : HandOverStage.Receiving, incoming.From));
        }
        return moves;
    }

    private ShardWait FindWait(Shard shard)
    {
        var (holder, outgoing, incoming) = (Table[shard], Outgoing.GetValueOrDefault(shard), Incoming.Find(shard));
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
