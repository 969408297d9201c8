using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Confirmation;

public sealed class DataAgreementTests
{
    private static readonly NodeId Self = new("a", 1);
    private static readonly NodeId B = new("b", 1);
    private static readonly NodeId C = new("c", 1);
    private static readonly ClusterView View = new(7, [Self, B, C]);

    private readonly DataAgreement _agreement = new(Self);

    [Fact]
    public void Nothing_is_agreed_before_the_first_poll()
    {
        AskedAt(0, new ClusterView(7, [Self]));
        AskedAt(500_000, new ClusterView(7, [Self]));
        Assert.False(_agreement.IsComplete);
    }

    [Fact]
    public void OneHolder_a_node_alone_waits_for_renewals_that_may_be_lost()
    {
        Begin();
        Assert.Empty(AskedAt(999, new ClusterView(7, [Self])));
        Assert.False(_agreement.IsComplete);
        AskedAt(1000, new ClusterView(7, [Self]));
        Assert.True(_agreement.IsComplete);
    }

    [Fact]
    public void OneHolder_every_node_of_the_view_must_say_that_it_knows_the_data()
    {
        Begin();
        _agreement.Receive(B, At(5000), At(10));
        AskedAt(20);
        Assert.False(_agreement.IsComplete);
        _agreement.Receive(C, At(5000), At(30));
        AskedAt(40);
        Assert.True(_agreement.IsComplete);
    }

    [Fact]
    public void OneHolder_an_active_node_that_the_view_lacks_is_waited_for_until_it_is_active_no_more()
    {
        Begin();
        _agreement.Note([Self, B, C]);
        _agreement.Receive(B, At(5000), At(10));
        AskedAt(20, new ClusterView(8, [Self, B]));
        Assert.False(_agreement.IsComplete);
        _agreement.Note([Self, B]);
        AskedAt(30, new ClusterView(8, [Self, B]));
        Assert.True(_agreement.IsComplete);
    }

    [Fact]
    public void OneHolder_promises_that_a_node_gave_before_it_knew_the_data_must_be_over()
    {
        Begin();
        _agreement.Receive(B, At(5000), At(10));
        _agreement.Receive(C, At(200), At(10));
        AskedAt(809);
        Assert.False(_agreement.IsComplete);
        AskedAt(810);
        Assert.True(_agreement.IsComplete);
    }

    [Fact]
    public void OneHolder_while_no_node_has_known_the_data_for_long_a_renewal_may_be_lost()
    {
        Begin();
        _agreement.Receive(B, At(999), At(0));
        _agreement.Receive(C, At(999), At(0));
        AskedAt(999);
        Assert.False(_agreement.IsComplete);
        AskedAt(1000);
        Assert.True(_agreement.IsComplete);
    }

    [Fact]
    public void A_node_that_does_not_answer_is_asked_again_and_again_and_waited_for_as_long_as_its_peers_can_confirm_it()
    {
        Begin();
        Assert.Equal([B, C], AskedAt(0));
        _agreement.Receive(C, At(5000), At(100));
        Assert.Empty(AskedAt(249));
        Assert.Equal([B], AskedAt(250));
        AskedAt(120_999);
        Assert.False(_agreement.IsComplete);
        AskedAt(121_000);
        Assert.True(_agreement.IsComplete);
    }

    [Fact]
    public void Other_data_begins_a_new_agreement()
    {
        Begin();
        _agreement.Receive(B, At(5000), At(10));
        _agreement.Receive(C, At(5000), At(10));
        AskedAt(20);
        _agreement.Begin(At(30));
        Assert.False(_agreement.IsComplete);
        Assert.Equal([B, C], AskedAt(30));
    }

    [Fact]
    public void A_later_run_of_this_node_does_not_wait_for_the_earlier_one()
    {
        Begin();
        _agreement.Note([new NodeId("a", 0)]);
        Assert.Empty(AskedAt(1000, new ClusterView(7, [Self])));
        Assert.True(_agreement.IsComplete);
    }

    private static TimeSpan At(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    private void Begin() => _agreement.Begin(At(0));

    private ImmutableArray<NodeId> AskedAt(int now, ClusterView? view = null)
    {
        List<NodeId> asked = [];
        _agreement.Tick(view ?? View, At(now), asked);
        return [.. asked];
    }
}
