using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Shards;

/// <summary>
/// The node that should hold each shard, computed from a view. All nodes compute the same targets from the same names, in every process and
/// version. When a node joins or leaves, only the shards move that it gets or had. Immutable.
/// </summary>
/// <remarks>
/// Rendezvous hashing: each node has a weight for each shard, and the heaviest one is the target. Only the name counts, so a node that
/// starts again gets the same shards. 1,024 shards take 0.04 ms with 7 nodes, and 0.7 ms with 100.
/// </remarks>
public sealed class ShardTargets
{
    private static readonly ConditionalWeakTable<ClusterView, ShardTargets> Computed = [];

    private readonly ImmutableArray<NodeId> _targets; // empty without nodes

    private readonly ImmutableArray<NodeId> _nodes;
    private readonly ImmutableArray<ShardBits> _bits; // for each of the nodes, the shards of which it is the target

    private ShardTargets(ClusterView view)
    {
        _nodes = view.Nodes;
        _targets = _nodes.IsEmpty ? [] : Compute(_nodes);
        _bits = [.. _nodes.Select(_ => new ShardBits())];
        for (var shard = 0; shard < _targets.Length; shard++)
            _bits[_nodes.IndexOf(_targets[shard])].Set(new Shard(shard), isIn: true);
    }

    /// <summary>Returns the target of a shard, or null if the view has no nodes.</summary>
    public NodeId? this[Shard shard] => _targets.IsEmpty ? null : _targets[shard.Number];

    /// <summary>Returns the shards of which a node is the target, or null if the view does not have the node. Not to be changed.</summary>
    internal ShardBits? OfNode(NodeId node) => _nodes.IndexOf(node) is >= 0 and var index ? _bits[index] : null;

    /// <summary>Returns the targets of a view. They are computed once for each view.</summary>
    public static ShardTargets Of(ClusterView view) => Computed.GetValue(view, static view => new ShardTargets(view));

    private static ImmutableArray<NodeId> Compute(ImmutableArray<NodeId> nodes)
    {
        var names = nodes.Select(node => Encoding.UTF8.GetBytes(node.Name)).ToArray();
        var targets = ImmutableArray.CreateBuilder<NodeId>(Shard.Count);
        for (var shard = 0; shard < Shard.Count; shard++)
        {
            var best = 0;
            var bestWeight = Shard.Hash((UInt128)shard, names[0]);
            for (var node = 1; node < names.Length; node++)
            {
                var weight = Shard.Hash((UInt128)shard, names[node]);
                if (weight > bestWeight || (weight == bestWeight && IsBefore(nodes[node], nodes[best])))
                    (best, bestWeight) = (node, weight);
            }
            targets.Add(nodes[best]);
        }
        return targets.MoveToImmutable();
    }

    // Two weights are equal if two names have the same hash. A view never has two runs of one name; the later run would get its shards.
    private static bool IsBefore(NodeId a, NodeId b) =>
        string.CompareOrdinal(a.Name, b.Name) is var order && (order < 0 || (order == 0 && a.Incarnation > b.Incarnation));
}
