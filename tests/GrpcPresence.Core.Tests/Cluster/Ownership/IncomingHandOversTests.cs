using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Ownership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Presence.HandOver;
using GrpcPresence.Core.Tests.Fixture;

namespace GrpcPresence.Core.Tests.Cluster.Ownership;

/// <summary>A node keeps what the holder of a shard hands over to it, and nothing else.</summary>
public sealed class IncomingHandOversTests
{
    private static readonly Shard Shard = new(7);
    private static readonly NodeId A = new("a", 1);
    private static readonly NodeId B = new("b", 1);
    private static readonly ClusterView View = new(1, [A, B]);

    private readonly IncomingHandOvers _incoming = new();

    [Fact]
    public void A_hand_over_is_complete_with_its_end_and_all_users()
    {
        Assert.Null(_incoming.Receive(A, Begin(id: 1)));
        Assert.Equal(new HandOverReceived(1, Shard, Users: 2), _incoming.Receive(A, Page(id: 1, "ada", "bob")));
        Assert.Equal(new HandOverReceived(1, Shard, Users: 3), _incoming.Receive(A, Page(id: 1, "eve")));
        Assert.IsType<HandOverAccepted>(_incoming.Receive(A, new HandOverEnd(1, Shard, Users: 3)));

        Assert.Equal(3, _incoming.Find(Shard)!.Users.Count);
        Assert.True(_incoming.IsComplete(Shard, View, now: default));
    }

    [Fact]
    public void A_hand_over_that_lacks_a_user_is_not_complete()
    {
        _incoming.Receive(A, Begin(id: 1));
        _incoming.Receive(A, Page(id: 1, "ada"));

        Assert.Null(_incoming.Receive(A, new HandOverEnd(1, Shard, Users: 2)));

        Assert.False(_incoming.IsComplete(Shard, View, now: default));
        Assert.Single(_incoming.Find(Shard)!.Users);
    }

    [Fact]
    public void A_hand_over_without_users_is_complete_with_its_end()
    {
        _incoming.Receive(A, Begin(id: 1));
        Assert.False(_incoming.IsComplete(Shard, View, now: default));

        Assert.IsType<HandOverAccepted>(_incoming.Receive(A, new HandOverEnd(1, Shard, Users: 0)));
    }

    [Fact]
    public void A_hand_over_that_begins_again_replaces_the_earlier_one()
    {
        Complete(A, id: 1);

        _incoming.Receive(A, Begin(id: 2));

        Assert.Empty(_incoming.Find(Shard)!.Users);
        Assert.False(_incoming.IsComplete(Shard, View, now: default));
    }

    [Fact]
    public void A_late_beginning_of_an_earlier_hand_over_replaces_nothing()
    {
        Complete(A, id: 2);

        _incoming.Receive(A, Begin(id: 1));

        Assert.Equal(2, _incoming.Find(Shard)!.Begin.Id);
        Assert.True(_incoming.IsComplete(Shard, View, now: default));
    }

    [Fact]
    public void A_hand_over_of_the_next_holder_replaces_that_of_the_one_before()
    {
        Complete(A, id: 9);

        _incoming.Receive(B, Begin(id: 1, B));

        Assert.Equal(B, _incoming.Find(Shard)!.From);
        Assert.Empty(_incoming.Find(Shard)!.Users);
    }

    [Fact]
    public void Items_of_another_sender_or_of_another_hand_over_count_for_nothing()
    {
        _incoming.Receive(A, Begin(id: 2));

        _incoming.Receive(B, Page(id: 2, "ada"));
        _incoming.Receive(A, Page(id: 1, "bob"));
        _incoming.Receive(A, Page(id: 3, "eve"));
        Assert.Null(_incoming.Receive(B, new HandOverEnd(2, Shard, Users: 0)));
        Assert.Null(_incoming.Receive(A, new HandOverEnd(1, Shard, Users: 0)));

        Assert.Empty(_incoming.Find(Shard)!.Users);
        Assert.False(_incoming.IsComplete(Shard, View, now: default));
    }

    [Fact]
    public void Items_without_a_beginning_count_for_nothing()
    {
        _incoming.Receive(A, Page(id: 1, "ada"));
        Assert.Null(_incoming.Receive(A, new HandOverEnd(1, Shard, Users: 1)));

        Assert.Null(_incoming.Find(Shard));
    }

    [Fact]
    public void A_hand_over_of_a_node_that_is_gone_is_not_waited_for()
    {
        Complete(A, id: 1);

        Assert.False(_incoming.IsComplete(Shard, new ClusterView(2, [B]), now: default));
        Assert.NotNull(_incoming.Find(Shard)); // its sessions are kept all the same
    }

    [Fact]
    public void A_complete_hand_over_is_waited_for_no_longer_than_500_ms()
    {
        Complete(A, id: 1);
        var now = TimeSpan.FromSeconds(3);

        Assert.True(_incoming.IsComplete(Shard, View, now));
        Assert.True(_incoming.IsComplete(Shard, View, now + TimeSpan.FromMilliseconds(499)));
        Assert.False(_incoming.IsComplete(Shard, View, now + TimeSpan.FromMilliseconds(500)));
    }

    [Fact]
    public void A_hand_over_is_forgotten_when_another_node_holds_the_shard_or_the_holder_has_another_epoch()
    {
        Complete(A, id: 1);
        _incoming.Forget(Shard, Holder(A, epoch: 5));
        Assert.NotNull(_incoming.Find(Shard));
        _incoming.Forget(Shard, Holder(B, epoch: 6));
        Assert.Null(_incoming.Find(Shard));

        Complete(A, id: 2);
        _incoming.Forget(Shard, Holder(A, epoch: 7));
        Assert.Null(_incoming.Find(Shard));
    }

    [Fact]
    public void A_hand_over_whose_holder_is_gone_is_kept_until_another_node_holds_the_shard()
    {
        Complete(A, id: 1);

        _incoming.Forget(Shard, new KnownHolder(null, Epoch: 6, default));
        Assert.NotNull(_incoming.Find(Shard));

        _incoming.Forget(Shard, Holder(B, epoch: 7));
        Assert.Null(_incoming.Find(Shard));
    }

    [Fact]
    public void What_was_given_up_is_there_no_more()
    {
        Complete(A, id: 2);

        _incoming.Receive(A, new HandOverGivenUp(1, Shard)); // an earlier one
        _incoming.Receive(B, new HandOverGivenUp(2, Shard));
        Assert.NotNull(_incoming.Find(Shard));
        _incoming.Receive(A, new HandOverGivenUp(2, Shard));

        Assert.Null(_incoming.Find(Shard));
    }

    [Fact]
    public void What_is_open_is_there_no_more()
    {
        Complete(A, id: 1);

        _incoming.Forget(Shard);

        Assert.Null(_incoming.Find(Shard));
    }

    [Fact]
    public void Closed_the_closes_of_the_streams_of_a_hand_over_are_kept_until_it_is_taken()
    {
        var (one, other, foreign) = (new StreamId(B, 1), new StreamId(B, 2), new StreamId(B, 3));
        _incoming.Receive(A, Begin(id: 1, streams: [one, other]));
        CloseStreamItem[] closes = [new(one, EndsSessions: true), new(foreign, EndsSessions: true), new(other, EndsSessions: false)];
        foreach (var close in closes)
        {
            _incoming.Note(close);
            _incoming.Note(close); // again, from the ingress
        }

        Assert.Equal([closes[0], closes[2]], _incoming.Find(Shard)!.Closes);
    }

    private static KnownHolder Holder(NodeId node, long epoch) => new(node, epoch, default);

    private static HandOverBegin Begin(long id, NodeId? holder = null, params StreamId[] streams) => new(
        id, Shard, Holder(holder ?? A, epoch: 5),
        new HandOverStart(default, [.. streams.Select(stream => new HandedStream(stream, Order: 1, EndSessionsOnClose: true))]));

    private static HandOverPage Page(long id, params string[] users) => new(
        id, Shard, [.. users.Select(user => new HandedUser { Service = new ServiceSid(1), ServiceId = 1, Identity = World.Id(user) })]);

    private void Complete(NodeId from, long id)
    {
        _incoming.Receive(from, Begin(id, from));
        _incoming.Receive(from, Page(id, "ada"));
        Assert.IsType<HandOverAccepted>(_incoming.Receive(from, new HandOverEnd(id, Shard, Users: 1)));
    }
}
