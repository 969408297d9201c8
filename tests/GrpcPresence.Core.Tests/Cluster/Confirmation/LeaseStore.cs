using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Cluster.Confirmation;

/// <summary>The fence rows and lease rows of a store, reached over the simulated network. Requests may come late and twice.</summary>
/// <param name="random">Gives the store another order of its members than the nodes have.</param>
internal sealed class LeaseStore(Random random)
{
    /// <summary>The address of the store in the network.</summary>
    public static readonly NodeId Address = new("store", 1);

    /// <summary>The data that it holds.</summary>
    public static readonly DataIdentity Data = new("model", Timeline: 1);

    private readonly Dictionary<NodeId, Row> _rows = [];

    /// <summary>Called when a node was evicted.</summary>
    public Action<NodeId>? Evicted { get; init; }

    /// <summary>Whether the node has joined, and has not left and was not evicted.</summary>
    public bool IsActive(NodeId node) => _rows.TryGetValue(node, out var row) && row.IsActive;

    /// <summary>The active nodes.</summary>
    public ImmutableArray<NodeId> Active
    {
        get
        {
            var active = _rows.Values.Where(row => row.IsActive).Select(row => row.Node).ToArray();
            random.Shuffle(active);
            return [.. active];
        }
    }

    /// <summary>The lease of each active node.</summary>
    public ImmutableArray<NodeLease> Leases => [.. _rows.Values.Where(row => row.IsActive).Select(row => row.ToLease())];

    /// <summary>Adds an active node.</summary>
    public void Join(NodeId node) => _rows.Add(node, new Row(node));

    /// <summary>Returns the answer to a request, or null if it has none.</summary>
    public NodeMessage? Answer(NodeId from, NodeMessage request)
    {
        var row = _rows[from];
        switch (request)
        {
            case Renew renew when row.IsActive:
                // A renewal that another one has overtaken fails.
                return row.TryRenew(renew.Renewal, Active) ? new Renewed(renew.Renewal.Number, row.Members) : null;
            case Renew:
                return new NotActive();
            case Leave:
                row.IsActive = false;
                return null;
            case Poll:
                return new Polled(Leases);
            case Evict evict:
                return new EvictAnswer(evict.Eviction, IsOver(evict.Eviction));
            default:
                return null;
        }
    }

    private bool IsOver(Eviction eviction)
    {
        var row = _rows[eviction.Node];
        if (!row.IsActive)
            return true;
        if (row.Number != eviction.Renewal)
            return false;
        row.IsActive = false;
        Evicted?.Invoke(eviction.Node);
        return true;
    }

    public sealed record Renew(Renewal Renewal) : NodeMessage;

    public sealed record Renewed(long Number, ImmutableArray<NodeId> Members) : NodeMessage;

    public sealed record NotActive : NodeMessage;

    public sealed record Leave : NodeMessage;

    public sealed record Poll : NodeMessage;

    public sealed record Polled(ImmutableArray<NodeLease> Leases) : NodeMessage;

    public sealed record Evict(Eviction Eviction) : NodeMessage;

    public sealed record EvictAnswer(Eviction Eviction, bool IsOver) : NodeMessage;

    /// <summary>Fence row and lease row of a node.</summary>
    private sealed class Row(NodeId node)
    {
        private long _acknowledged;
        private ImmutableArray<NodeId> _acknowledgedMembers = [];

        public NodeId Node => node;

        public bool IsActive { get; set; } = true;

        public long Number { get; private set; }

        public ImmutableArray<NodeId> Members { get; private set; } = [];

        public bool TryRenew(Renewal renewal, ImmutableArray<NodeId> active)
        {
            if (renewal.Number <= Number)
                return false;
            if (renewal.Acknowledged == Number)
                (_acknowledged, _acknowledgedMembers) = (Number, Members);
            else if (renewal.Acknowledged != _acknowledged)
                throw new BrokenPromiseException("OneHolder", $"the lease of {node} has lost renewal {renewal.Acknowledged}");
            (Number, Members) = (renewal.Number, active);
            return true;
        }

        public NodeLease ToLease() => new(node, Data, Number, Members, _acknowledgedMembers);
    }
}
