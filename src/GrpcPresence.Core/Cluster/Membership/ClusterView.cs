using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Membership;

/// <summary>
/// The live nodes at one moment. All nodes see the views in the same order. A node may see one late, or skip it. Immutable.
/// </summary>
/// <param name="Number">Greater for each later view.</param>
/// <param name="Nodes">The live nodes, ordered by name.</param>
public sealed record ClusterView(long Number, ImmutableArray<NodeId> Nodes)
{
    /// <summary>Whether the run of the node is alive.</summary>
    public bool Contains(NodeId node) => Nodes.Contains(node);
}
