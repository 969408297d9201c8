using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Channel;

public sealed class NodeLinksTests : INodeChannel, ILinkReceiver
{
    private static readonly NodeId Self = new("a", 1);
    private static readonly NodeId Peer = new("b", 1);
    private static readonly ClusterView Both = new(1, [Self, Peer]);

    private readonly List<(NodeId To, NodeMessage Message)> _sent = [];
    private readonly List<long> _received = [];
    private readonly List<DroppedItem> _lost = [];
    private readonly NodeLinks _links;
    private Action? _whileReceiving;

    public NodeLinksTests()
    {
        _links = new NodeLinks(this, this);
        _links.Tick(Both, At(0));
    }

    [Fact]
    public void A_repeated_batch_is_acknowledged_and_not_delivered_again()
    {
        Arrive(1, 10, 11);
        Arrive(1, 10, 11);
        Assert.Equal([10, 11], _received);
        Assert.Equal([(Peer, new LinkAcknowledgement(1)), (Peer, new LinkAcknowledgement(1))], _sent);
    }

    [Fact]
    public void A_late_copy_of_an_earlier_batch_is_not_delivered()
    {
        Arrive(1, 10);
        Arrive(2, 11);
        Arrive(1, 10);
        Assert.Equal([10, 11], _received);
    }

    [Fact]
    public void A_batch_without_items_is_acknowledged()
    {
        Arrive(1);
        Assert.Equal([(Peer, new LinkAcknowledgement(1))], _sent);
    }

    [Fact]
    public void Nothing_overtakes_a_batch_that_is_being_delivered()
    {
        _whileReceiving = () =>
        {
            _whileReceiving = null;
            // Acknowledging the copy would make the sender send batch 2, and batch 2 would arrive before the receiver has returned.
            Arrive(1, 10);
            Arrive(2, 11);
            Assert.Empty(_sent);
        };
        Arrive(1, 10);
        Arrive(2, 11);
        Assert.Equal([10, 11], _received);
    }

    [Fact]
    public void A_batch_whose_receiver_fails_is_not_delivered_again()
    {
        _whileReceiving = () => throw new InvalidOperationException();
        Assert.Throws<InvalidOperationException>(() => Arrive(1, 10));
        _whileReceiving = null;
        Arrive(1, 10);
        Arrive(2, 11);
        Assert.Equal([10, 11], _received);
    }

    [Fact]
    public void The_numbers_of_each_run_of_a_sender_are_its_own()
    {
        Arrive(1, 10);
        _links.Receive(Peer with { Incarnation = 2 }, new LinkBatch(1, [new TestItem(20)]), At(0));
        Assert.Equal([10, 20], _received);
    }

    [Fact]
    public void A_late_batch_of_a_run_that_is_gone_is_not_delivered()
    {
        Arrive(1, 10);
        _links.Tick(new ClusterView(2, [Self]), At(1));
        Arrive(1, 10);
        Arrive(2, 11);
        Assert.Equal([10], _received);
    }

    [Fact]
    public void A_late_batch_of_a_run_that_another_one_follows_is_not_delivered()
    {
        _links.Tick(new ClusterView(2, [Self, new NodeId("c", 3)]), At(1));
        _links.Receive(new NodeId("c", 2), new LinkBatch(1, [new TestItem(20)]), At(1));
        Assert.Empty(_received);
    }

    [Fact]
    public void A_node_that_no_view_has_shown_yet_sends_and_receives()
    {
        var early = new NodeId("c", 1);
        _links.Receive(early, new LinkBatch(1, [new TestItem(20)]), At(0));
        Assert.True(_links.TrySend(early, new TestItem(21), At(1000)));
        _links.Tick(Both, At(1));
        Assert.Equal([20], _received);
        Assert.Equal(2, _sent.Count(sent => sent.To == early));
    }

    [Fact]
    public void The_acknowledgement_sends_what_was_queued_meanwhile()
    {
        Send(1);
        _links.Flush(Peer, At(0));
        Send(2);
        _links.Flush(Peer, At(1));
        Assert.Single(_sent);
        _links.Receive(Peer, new LinkAcknowledgement(1), At(2));
        Assert.Equal(2, Assert.IsType<LinkBatch>(_sent[1].Message).Number);
    }

    [Fact]
    public void OutcomeUnknown_a_node_that_is_gone_leaves_sent_items_unknown_and_queued_ones_unsent()
    {
        Send(1);
        _links.Flush(Peer, At(0));
        Send(2);
        _links.Tick(new ClusterView(2, [Self]), At(1));
        Assert.Equal(
            [new DroppedItem(new TestItem(1), DroppedItemOutcome.Unknown), new DroppedItem(new TestItem(2), DroppedItemOutcome.NotSent)],
            _lost);
        Assert.False(_links.TrySend(Peer, new TestItem(3), At(1000)));
    }

    [Fact]
    public void An_acknowledged_item_is_not_lost_with_its_receiver()
    {
        Send(1);
        _links.Flush(Peer, At(0));
        _links.Receive(Peer, new LinkAcknowledgement(1), At(1));
        _links.Tick(new ClusterView(2, [Self]), At(2));
        Assert.Empty(_lost);
    }

    [Fact]
    public void A_message_of_another_protocol_is_left_to_it() => Assert.False(_links.Receive(Peer, new Other(), At(0)));

    void INodeChannel.Send(NodeId receiver, NodeMessage message) => _sent.Add((receiver, message));

    void ILinkReceiver.Receive(NodeId from, ImmutableArray<LinkItem> items)
    {
        _received.AddRange(items.Select(item => ((TestItem)item).Number));
        _whileReceiving?.Invoke();
    }

    void ILinkReceiver.Drop(NodeId node, DroppedItem lost) => _lost.Add(lost);

    private static TimeSpan At(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    private void Arrive(long number, params int[] items) =>
        _links.Receive(Peer, new LinkBatch(number, [.. items.Select(item => new TestItem(item))]), At(0));

    private void Send(int number) => Assert.True(_links.TrySend(Peer, new TestItem(number), At(10_000)));

    private sealed record Other : NodeMessage;
}
