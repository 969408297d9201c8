using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Tests.Presence.Fixture;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>The ingress of a stream brings its close to each node that may know the stream, a bounded number at once.</summary>
public sealed class StreamClosesTests : IDisposable
{
    private static readonly NodeId Self = new("a", 1);
    private static readonly NodeId B = new("b", 1);
    private static readonly NodeId C = new("c", 1);

    private readonly NodesWorld _world = new();
    private readonly List<(NodeId To, CloseStreamItem Close, TimeSpan Deadline)> _sent = [];
    private readonly StreamCloses _closes;
    private int _room = int.MaxValue; // of the links

    public StreamClosesTests() =>
        _closes = new StreamCloses(
            Self, _world.First.Tracker.Shards!, _world.First.Tracker.Streams!, static _ => { }, (to, item, deadline) =>
            {
                if (_room == 0)
                    return false;
                _room--;
                _sent.Add((to, (CloseStreamItem)item, deadline));
                return true;
            });

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Closed_the_ingress_sends_a_close_once_to_each_other_node()
    {
        var close = Close(1, now: default);

        Step(default, Self, B, C);
        Step(default, Self, B, C);

        Assert.Equal([(B, close, Limits.StreamCloseWait), (C, close, Limits.StreamCloseWait)], _sent);
    }

    [Fact]
    public void Closed_a_node_that_appears_within_a_minute_gets_the_close_as_well()
    {
        var (first, second) = (Close(1, now: default), Close(2, now: default));
        Step(default, Self, B);
        var almost = Limits.StreamCloseWait - TimeSpan.FromTicks(1);
        _sent.Clear();

        Step(almost, Self, B, C);
        Step(Limits.StreamCloseWait, Self, B, C, new NodeId("d", 1));

        Assert.Equal([(C, first, Limits.StreamCloseWait), (C, second, Limits.StreamCloseWait)], _sent);
    }

    [Fact]
    public void Closed_a_later_run_of_a_node_gets_the_close_as_well()
    {
        Close(1, now: default);
        Step(default, Self, B);

        Step(default, Self, B with { Incarnation = 2 });

        Assert.Equal([B, B with { Incarnation = 2 }], _sent.Select(sent => sent.To));
    }

    [Fact]
    public void A_close_of_another_ingress_is_not_sent_on()
    {
        _closes.Receive(new CloseStreamItem(new StreamId(B, 1), EndsSessions: true), now: default);

        Step(default, Self, B, C);

        Assert.Empty(_sent);
    }

    [Fact]
    public void Bounded_many_closes_are_sent_in_several_steps_and_none_is_left_out()
    {
        for (var number = 0; number < (2 * Limits.MessagesAtOnce) + 1; number++)
            Close(number, now: TimeSpan.FromTicks(number));

        Assert.True(Step(default, Self, B));
        Assert.Equal(Limits.MessagesAtOnce, _sent.Count);
        Assert.True(Step(default, Self, B));
        Assert.False(Step(default, Self, B));
        Assert.False(Step(default, Self, B));

        Assert.Equal(Enumerable.Range(0, (2 * Limits.MessagesAtOnce) + 1), _sent.Select(sent => (int)sent.Close.Stream.Number));
    }

    [Fact]
    public void Closed_what_a_full_link_refuses_is_sent_by_a_later_step()
    {
        Close(1, now: default);
        Close(2, now: default);
        _room = 1;
        Assert.False(Step(default, Self, B)); // not at once: the link needs time

        _room = int.MaxValue;
        Step(Limits.NodeStep, Self, B);

        Assert.Equal([1, 2], _sent.Select(sent => sent.Close.Stream.Number));
    }

    [Fact]
    public void Closed_closes_that_are_over_do_not_hide_later_ones()
    {
        Close(1, now: default);
        Step(default, Self, B);
        Close(2, now: Limits.StreamCloseWait);

        Step(Limits.StreamCloseWait, Self, B);

        Assert.Equal([1, 2], _sent.Select(sent => sent.Close.Stream.Number));
    }

    [Fact]
    public void Closed_a_node_closes_a_stream_for_its_own_users_and_counts_them()
    {
        var stream = new StreamId(B, 1);
        NodesWorld.Beat(_world.First, Alice, Phone, stream);
        NodesWorld.Beat(_world.First, Bob, Phone, stream);

        Assert.Equal(2, _closes.Receive(new CloseStreamItem(stream, EndsSessions: true), now: default));
        Assert.Equal(0, _closes.Receive(new CloseStreamItem(stream, EndsSessions: true), now: default));

        _world.PassAndWrite(Debounce);
        Assert.False(_world.First.StoredOnline(Alice));
        Assert.False(_world.First.StoredOnline(Bob));
    }

    private CloseStreamItem Close(long number, TimeSpan now)
    {
        var close = new CloseStreamItem(new StreamId(Self, number), EndsSessions: true);
        _closes.Receive(close, now);
        return close;
    }

    private bool Step(TimeSpan now, params NodeId[] nodes) => _closes.Step(new ClusterView(nodes.Length, [.. nodes]), now);
}
