using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Tests.Cluster.Channel;

public sealed class OutboundLinkTests
{
    private static readonly TimeSpan Never = TimeSpan.MaxValue;

    private readonly OutboundLink _link = new();

    [Fact]
    public void Nothing_is_sent_without_items() => Assert.Null(_link.Advance(At(0)).Batch);

    [Fact]
    public void What_is_queued_while_a_batch_is_in_flight_becomes_the_next_one()
    {
        Queue(1, 2);
        AssertBatch(1, [1, 2], at: 0);
        Queue(3, 4);
        Assert.Null(_link.Advance(At(1)).Batch);
        _link.Acknowledge(1);
        AssertBatch(2, [3, 4], at: 2);
    }

    [Fact]
    public void An_item_that_expires_while_it_waits_makes_room()
    {
        Queue(1);
        AssertBatch(1, [1], at: 0); // in flight
        Assert.True(_link.TryQueue(new TestItem(2, Limits.LinkQueueBytes), At(100)));
        Assert.False(_link.TryQueue(new TestItem(3), Never));

        Assert.Equal([2], _link.Advance(At(100)).Lost.Select(lost => ((TestItem)lost.Item).Number));

        Assert.Equal(0, _link.Read(new NodeId("b", 1), At(100)).QueuedBytes);
        Assert.True(_link.TryQueue(new TestItem(4, Limits.LinkQueueBytes), Never));
        Assert.False(_link.TryQueue(new TestItem(5), Never));
    }

    [Fact]
    public void Each_item_expires_at_its_own_deadline()
    {
        Queue(1);
        AssertBatch(1, [1], at: 0); // in flight
        foreach (var number in new[] { 100, 300, 200 })
            Assert.True(_link.TryQueue(new TestItem(number), At(number)));

        for (var now = 100; now <= 300; now += 100)
            Assert.Equal([now], _link.Advance(At(now)).Lost.Select(lost => ((TestItem)lost.Item).Number));
    }

    [Fact]
    public void A_batch_is_sent_again_until_it_is_acknowledged()
    {
        Queue(1);
        AssertBatch(1, [1], at: 0);
        Assert.Null(_link.Advance(At(249)).Batch);
        AssertBatch(1, [1], at: 250);
        AssertBatch(1, [1], at: 500);
        _link.Acknowledge(1);
        Assert.Null(_link.Advance(At(750)).Batch);
    }

    [Fact]
    public void The_status_counts_what_waits_and_since_when_a_batch_is_not_acknowledged()
    {
        var node = new NodeId("b", 1);
        Queue(1, 2);
        Assert.Equal(new LinkStatus(node, 2, _link.Read(node, At(0)).QueuedBytes, 0, null), _link.Read(node, At(0)));
        Assert.NotEqual(0, _link.Read(node, At(0)).QueuedBytes);
        AssertBatch(1, [1, 2], at: 10);
        AssertBatch(1, [1, 2], at: 260);
        Assert.Equal(new LinkStatus(node, 0, 0, 2, At(290)), _link.Read(node, At(300)));
        _link.Acknowledge(1);
        Assert.Equal(new LinkStatus(node, 0, 0, 0, null), _link.Read(node, At(300)));
    }

    [Fact]
    public void A_late_acknowledgement_of_an_earlier_batch_does_nothing()
    {
        Queue(1);
        AssertBatch(1, [1], at: 0);
        _link.Acknowledge(1);
        Queue(2);
        AssertBatch(2, [2], at: 1);
        _link.Acknowledge(1);
        AssertBatch(2, [2], at: 251);
    }

    [Fact]
    public void A_batch_has_at_most_1000_items()
    {
        Queue([.. Enumerable.Range(0, 1001)]);
        Assert.Equal(Limits.LinkBatchItems, _link.Advance(At(0)).Batch!.Items.Length);
        _link.Acknowledge(1);
        Assert.Single(_link.Advance(At(0)).Batch!.Items);
    }

    [Fact]
    public void A_batch_has_at_most_one_MiB_unless_its_only_item_is_larger()
    {
        int[] sizes = [Limits.LinkBatchBytes - 100, 100, 1, Limits.LinkBatchBytes + 1, 1];
        foreach (var size in sizes)
            Assert.True(_link.TryQueue(new TestItem(size, size), Never));
        int[][] expected = [[Limits.LinkBatchBytes - 100, 100], [1], [Limits.LinkBatchBytes + 1], [1]];
        for (var batch = 0; batch < expected.Length; batch++)
        {
            AssertBatch(batch + 1, expected[batch], at: 0);
            _link.Acknowledge(batch + 1);
        }
    }

    [Fact]
    public void The_queue_is_bounded_by_items()
    {
        for (var item = 0; item < Limits.LinkQueueItems; item++)
            Assert.True(_link.TryQueue(new TestItem(item), Never));
        Assert.False(_link.TryQueue(new TestItem(0), Never));
        _link.Advance(At(0));
        Assert.True(_link.TryQueue(new TestItem(0), Never));
    }

    [Fact]
    public void The_queue_is_bounded_by_bytes()
    {
        Assert.True(_link.TryQueue(new TestItem(0, Limits.LinkQueueBytes - 1), Never));
        Assert.False(_link.TryQueue(new TestItem(1, 2), Never));
        Assert.True(_link.TryQueue(new TestItem(2, 1), Never));
        _link.Advance(At(0));
        Assert.True(_link.TryQueue(new TestItem(3, 2), Never));
    }

    [Fact]
    public void An_expired_item_is_left_out_when_its_batch_is_sent_again_and_its_outcome_is_unknown()
    {
        Queue(1);
        Assert.True(_link.TryQueue(new TestItem(2), At(200)));
        Queue(3);
        AssertBatch(1, [1, 2, 3], at: 0);
        var step = _link.Advance(At(250));
        Assert.Equal([1, 3], NumbersOf(step.Batch!));
        Assert.Equal([new DroppedItem(new TestItem(2), DroppedItemOutcome.Unknown)], step.Lost);
    }

    [Fact]
    public void An_expired_item_that_was_never_sent_is_dropped()
    {
        Queue(1);
        AssertBatch(1, [1], at: 0);
        Assert.True(_link.TryQueue(new TestItem(2), At(200)));
        Queue(3);
        Assert.Empty(_link.Advance(At(199)).Lost);
        Assert.Equal([new DroppedItem(new TestItem(2), DroppedItemOutcome.NotSent)], _link.Advance(At(200)).Lost);
        _link.Acknowledge(1);
        AssertBatch(2, [3], at: 201);
    }

    [Fact]
    public void A_batch_that_is_sent_contains_no_expired_item_although_the_last_search_was_a_moment_ago()
    {
        Assert.True(_link.TryQueue(new TestItem(1), At(100)));
        Assert.True(_link.TryQueue(new TestItem(2), At(101)));
        Assert.True(_link.TryQueue(new TestItem(3), Never));
        var step = _link.Advance(At(101));
        Assert.Equal([3], NumbersOf(step.Batch!));
        Assert.Equal(2, step.Lost.Length);
    }

    [Fact]
    public void A_batch_without_items_is_still_sent_so_that_the_next_one_follows()
    {
        Assert.True(_link.TryQueue(new TestItem(1), At(100)));
        AssertBatch(1, [1], at: 0);
        Queue(2);
        AssertBatch(1, [], at: 250);
        _link.Acknowledge(1);
        AssertBatch(2, [2], at: 251);
    }

    [Fact]
    public void A_closed_link_says_what_is_known_about_each_item_that_was_not_acknowledged()
    {
        Queue(1);
        AssertBatch(1, [1], at: 0);
        _link.Acknowledge(1);
        Queue(2);
        AssertBatch(2, [2], at: 1);
        Queue(3);
        Assert.Equal(
            [new DroppedItem(new TestItem(2), DroppedItemOutcome.Unknown), new DroppedItem(new TestItem(3), DroppedItemOutcome.NotSent)],
            _link.Close());
        Assert.False(_link.TryQueue(new TestItem(4), Never));
        Assert.Null(_link.Advance(At(1000)).Batch);
        Assert.Empty(_link.Close());
    }

    private static TimeSpan At(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    private static IEnumerable<int> NumbersOf(LinkBatch batch) => batch.Items.Select(item => (int)((TestItem)item).Number);

    private void Queue(params int[] numbers)
    {
        foreach (var number in numbers)
            Assert.True(_link.TryQueue(new TestItem(number), Never));
    }

    private void AssertBatch(long number, int[] items, int at)
    {
        var batch = _link.Advance(At(at)).Batch;
        Assert.NotNull(batch);
        Assert.Equal(number, batch.Number);
        Assert.Equal(items, NumbersOf(batch));
    }
}
