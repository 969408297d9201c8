using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Testing.Cluster;

/// <summary>The rows of the cluster at one moment. Immutable.</summary>
public sealed record ClusterImage
{
    /// <summary>The fence rows and lease rows, by the name of the node.</summary>
    public ImmutableSortedDictionary<string, NodeRow> Nodes { get; init; } =
        ImmutableSortedDictionary.Create<string, NodeRow>(StringComparer.Ordinal);

    /// <summary>The shards that ever had a holder, by number.</summary>
    public ImmutableSortedDictionary<int, ShardHolder> Shards { get; init; } = ImmutableSortedDictionary<int, ShardHolder>.Empty;

    /// <summary>The last epoch that was given.</summary>
    public long Epoch { get; init; }

    /// <summary>Raised when a node joins, leaves or is evicted.</summary>
    public long MembersVersion { get; init; }

    /// <summary>Raised by commits that write API keys, webhook settings or notification settings.</summary>
    public long ChangesVersion { get; init; }

    /// <summary>The identity of the data.</summary>
    public DataIdentity Identity { get; init; } = new("model", Timeline: 1);

    /// <summary>The active nodes, by name.</summary>
    public ImmutableArray<NodeId> Members => [.. Nodes.Values.Where(row => row.IsActive).Select(row => row.Node)];

    /// <summary>Returns the row of the run; null unless it is active.</summary>
    public NodeRow? FindActive(NodeId node) =>
        Nodes.TryGetValue(node.Name, out var row) && row.Node == node && row.IsActive ? row : null;

    /// <summary>Returns the image with another row of a node.</summary>
    public ClusterImage With(NodeRow row) => this with { Nodes = Nodes.SetItem(row.Node.Name, row) };

    /// <summary>Whether the node holds the shard.</summary>
    public bool IsHeld(Shard shard, NodeId node) => Shards.TryGetValue(shard.Number, out var held) && held.Node == node;

    /// <summary>Returns the image with another holder of the shards, under the next epoch.</summary>
    public ClusterImage Give(IReadOnlyCollection<(Shard Shard, NodeId? Node)> shards) => shards.Count == 0 ? this : this with
    {
        Epoch = Epoch + 1,
        Shards = Shards.SetItems(shards.Select(given =>
            KeyValuePair.Create(given.Shard.Number, new ShardHolder(given.Shard, given.Node, Epoch + 1)))),
    };

    /// <summary>Returns the image in which the node is no longer active and holds nothing.</summary>
    public ClusterImage End(NodeRow row, NodeState state) =>
        (this with { MembersVersion = MembersVersion + 1 })
            .With(row with { State = state })
            .Give([.. Shards.Values.Where(held => held.Node == row.Node).Select(held => (held.Shard, (NodeId?)null))]);
}

/// <summary>The fence row and the lease row of a node. Immutable.</summary>
/// <param name="Node">The last run.</param>
/// <param name="State">Whether that run is active.</param>
/// <param name="Position">Generation, number and result of the last commit, of all runs.</param>
public sealed record NodeRow(NodeId Node, NodeState State, WriterPosition Position)
{
    /// <summary>The number of the last renewal.</summary>
    public long Renewal { get; init; }

    /// <summary>The active nodes at that renewal.</summary>
    public ImmutableArray<NodeId> Members { get; init; } = [];

    /// <summary>The active nodes at the last renewal whose answer the run had received.</summary>
    public ImmutableArray<NodeId> Acknowledged { get; init; } = [];

    /// <summary>Whether the run is active.</summary>
    public bool IsActive => State == NodeState.Active;
}

/// <summary>The state of a fence row.</summary>
public enum NodeState
{
    /// <summary>The run may write.</summary>
    Active,

    /// <summary>The run has left.</summary>
    Left,

    /// <summary>Another node has evicted the run.</summary>
    Dead,
}
