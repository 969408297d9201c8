using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Membership;

/// <summary>Which runs of nodes can never come back.</summary>
public sealed class DepartedNodesTests
{
    private readonly DepartedNodes _gone = new();

    [Fact]
    public void OneHolder_every_run_before_the_one_that_a_view_shows_is_gone()
    {
        _gone.Note(new ClusterView(Number: 1, [new NodeId("a", 5)]));

        for (var incarnation = 1; incarnation < 5; incarnation++)
            Assert.True(_gone.Contains(new NodeId("a", incarnation)));
        Assert.False(_gone.Contains(new NodeId("a", 5)));
        Assert.False(_gone.Contains(new NodeId("a", 6))); // a later view may show it
        Assert.False(_gone.Contains(new NodeId("b", 1)));
    }

    [Fact]
    public void OneHolder_a_run_that_a_later_view_lacks_stays_gone_when_an_earlier_view_arrives()
    {
        var (run, earlier) = (new NodeId("a", 5), new ClusterView(Number: 1, [new NodeId("a", 5)]));
        _gone.Note(earlier);
        _gone.Note(new ClusterView(Number: 2, []));

        Assert.False(_gone.Note(earlier));

        Assert.True(_gone.Contains(run));
    }
}
