using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>Which nodes may hold shards, by what the others say of themselves.</summary>
public sealed class JoinedNodesTests
{
    private static readonly NodeId Self = new("a", 1);
    private static readonly NodeId Other = new("b", 1);
    private static readonly ClusterView View = new(Number: 1, [Self, Other]);

    private readonly JoinedNodes _nodes = new(Self);

    [Fact]
    public void A_status_that_was_overtaken_by_a_later_one_changes_nothing()
    {
        _nodes.Receive(Other, Status(number: 2, isLeaving: true));
        _nodes.Receive(Other, Status(number: 1, isLeaving: false));
        _nodes.Update(View, View.Nodes, isLeaving: false);

        Assert.Equal([Other], _nodes.Excluded);
    }

    private static NodeStatus Status(long number, bool isLeaving) => new(isLeaving, IsStoreAway: false, number, Watched: 0);
}
