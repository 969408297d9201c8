using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tests.Cluster.Simulation;
using GrpcPresence.Core.Tests.Fixture;

namespace GrpcPresence.Core.Tests.Cluster.Node;

/// <summary>Clients close heartbeat streams to whole nodes, while shards move or do not.</summary>
public sealed class StreamCloseTests : RunningNodesTestBase
{
    private const double Ending = 7; // seconds in which sessions of a closed stream end; the debounce is 5 s

    private static readonly string[] Users = [.. Enumerable.Range(0, 40).Select(number => $"user{number}")];

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Advance(seconds: 3);
    }

    [Fact]
    public async Task Closed_the_close_of_a_stream_reaches_every_owner()
    {
        var (b, c) = (Join("b"), Join("c"));
        var stream = Open(First);
        await BeatAsync(First, stream);
        Assert.Equal(3, Users.Select(user => Assert.Single(Nodes.HoldersOf(ShardOf(user)))).Distinct().Count());
        Assert.All(new[] { First, b, c }, node => Assert.Equal(1, node.Streams.Count));

        First.Node.CloseStream(stream, byClient: true);
        Advance(Ending);

        Assert.All(Users, user => Assert.False(Nodes.IsOnline(user)));
        Assert.All(new[] { First, b, c }, node => Assert.Equal(0, node.Streams.Count));
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task Closed_a_stream_whose_sessions_do_not_end_with_it_is_forgotten_by_every_owner(bool endsOnClose, bool byClient)
    {
        var b = Join("b");
        var stream = Open(First, endsOnClose);
        await BeatAsync(First, stream);
        Assert.Equal(1, b.Streams.Count);

        First.Node.CloseStream(stream, byClient);
        Advance(Ending);

        Assert.All(Users, user => Assert.True(Nodes.IsOnline(user)));
        Assert.All(new[] { First, b }, node => Assert.Equal(0, node.Streams.Count));
    }

    [Fact]
    public async Task Closed_a_close_during_hand_overs_ends_the_sessions_at_the_next_holder()
    {
        var stream = Open(First);
        await BeatAsync(First, stream);
        var b = Nodes.Start("b");
        var moving = AdvanceUntilMoving();

        First.Node.CloseStream(stream, byClient: true);
        Advance(Joining + Ending);

        Assert.All(moving, user => Assert.True(b.Answers(ShardOf(user))));
        Assert.All(Users, user => Assert.False(Nodes.IsOnline(user)));
        Assert.All(new[] { First, b }, node => Assert.Equal(0, node.Streams.Count));
    }

    [Fact]
    public async Task Closed_a_close_that_reaches_the_receiver_before_the_switch_and_the_holder_after_it_is_not_lost()
    {
        var c = Join("c");
        await c.Services.GetAsync(Nodes.Service, default);
        var stream = Open(c);
        await BeatAsync(c, stream);
        var b = Nodes.Start("b");
        var moving = AdvanceUntilMoving();

        Nodes.Network.Cut("c", "a"); // in this direction only
        c.Node.CloseStream(stream, byClient: true);
        Advance(Joining);
        Assert.All(moving, user => Assert.True(b.Answers(ShardOf(user))));
        Nodes.Network.HealAll();
        Advance(Ending);

        Assert.All(Users, user => Assert.False(Nodes.IsOnline(user)));
        Assert.All(new[] { First, b, c }, node => Assert.Equal(0, node.Streams.Count));
    }

    [Fact]
    public async Task Closed_a_close_that_comes_long_before_the_switch_is_not_lost()
    {
        var stream = Open(First);
        await BeatAsync(First, stream);
        var b = Nodes.Start("b");
        AdvanceUntilMoving(andSent: true);
        First.IsWriterHeld = true; // the switches wait

        First.Node.CloseStream(stream, byClient: true);
        for (var second = 0; second < Limits.StreamCloseMemory.TotalSeconds + 5; second += 5)
            Advance(seconds: 5);
        Assert.Equal(0, b.Streams.ClosedCount);
        Assert.Contains(Users, user => First.Gates[ShardOf(user)].State == ShardGateState.Sealed);
        First.IsWriterHeld = false;
        Advance(Joining + Ending);

        Assert.All(Users, user => Assert.False(Nodes.IsOnline(user)));
        Assert.All(new[] { First, b }, node => Assert.Equal(0, node.Streams.Count));
    }

    [Fact]
    public void Bounded_a_step_takes_some_of_many_closes_and_the_next_one_is_asked_for()
    {
        const int Count = (2 * Limits.MessagesAtOnce) + 500;
        var ingress = Join("b").Id;
        for (var number = 0; number < Count; number++)
            First.Streams.Meet(new StreamId(ingress, number), endSessionsOnClose: true);
        var woken = 0;
        First.Node.Woken += () => woken++;

        Close(Enumerable.Range(0, Count));
        woken = 0;
        First.Node.Step();

        Assert.Equal(Count - Limits.MessagesAtOnce, First.Streams.Count);
        Assert.NotEqual(0, woken);
        First.Node.Step();
        First.Node.Step();
        Assert.Equal(0, First.Streams.Count);

        void Close(IEnumerable<int> numbers) => ReceiveItems(
            ingress, [.. numbers.Select(LinkItem (number) => new CloseStreamItem(new StreamId(ingress, number), EndsSessions: true))]);
    }

    [Fact]
    public async Task Bounded_the_users_of_a_closed_stream_count_as_messages()
    {
        var ingress = Join("b").Id;
        var service = await First.Services.GetAsync(Nodes.Service, default);
        var held = Enumerable.Range(0, 10 * Limits.MessagesAtOnce).Select(number => $"other{number}")
            .Where(user => First.Answers(ShardOf(user))).Take(Limits.MessagesAtOnce);
        var (large, small) = (new StreamId(ingress, 1), new StreamId(ingress, 2));
        foreach (var user in held)
            _ = First.Node.Router.Beat(service, Key(user), World.Session("s"), new RoutedStream(large, EndSessionsOnClose: true));
        First.Streams.Meet(small, endSessionsOnClose: true);

        ReceiveItems(ingress, [new CloseStreamItem(large, EndsSessions: true), new CloseStreamItem(small, true)]);
        First.Node.Step();

        Assert.Equal([small], First.Streams.Known);
    }

    [Fact]
    public async Task Bounded_the_streams_of_an_ingress_that_died_are_forgotten()
    {
        var b = Join("b");
        await BeatAsync(b, Open(b));
        Assert.Equal(1, First.Streams.Count);

        Nodes.Kill(b);
        Advance(5 + Limits.IngressAbsence.TotalSeconds);

        Assert.Equal(0, First.Streams.Count);
        Assert.Contains(Users, user => Nodes.IsOnline(user) == true);
    }

    private static RoutedStream Open(SimulatedNode ingress, bool endsOnClose = true) => new(new StreamId(ingress.Id, 1), endsOnClose);

    private static UserRef Key(string user) => new(World.Id(user), Sid: null, MayCreate: true);

    private Shard ShardOf(string user) => Shard.Of(Nodes.Service, World.Id(user));

    /// <summary>Lets the first node receive items, in a batch that is later than all others of the sender.</summary>
    private void ReceiveItems(NodeId from, ImmutableArray<LinkItem> items) =>
        First.Node.Receive(from, new LinkBatch(Number: long.MaxValue, items));

    private SimulatedNode Join(string name)
    {
        var node = Nodes.Start(name);
        Advance(Joining);
        return node;
    }

    /// <summary>
    /// Lets time pass until shards with users of the first node are sealed, or also sent and not received, and returns these users.
    /// </summary>
    private ImmutableArray<string> AdvanceUntilMoving(bool andSent = false)
    {
        var conditions = Nodes.Network.Conditions;
        Nodes.Network.Conditions = conditions with { Delay = TimeSpan.FromSeconds(0.1) }; // so that a hand-over lasts longer than a step
        for (var step = 0; step < 200; step++)
        {
            Advance(seconds: 0.05);
            ImmutableArray<string> moving = [.. Users.Where(user => First.Gates[ShardOf(user)].State == ShardGateState.Sealed)];
            if (moving.IsEmpty)
                continue;
            if (andSent)
                Advance(seconds: 0.05);
            Nodes.Network.Conditions = conditions;
            return moving;
        }
        throw new InvalidOperationException("No shard with a user is handed over.");
    }

    /// <summary>Sends a heartbeat of each user over the stream to the node, which must answer all of them.</summary>
    private async Task BeatAsync(SimulatedNode node, RoutedStream stream)
    {
        var service = await node.Services.GetAsync(Nodes.Service, default);
        var beats = Users.Select(user => node.Node.Router.Beat(service, Key(user), World.Session("s"), stream)).ToArray();
        Advance(seconds: 1);
        Assert.All(beats, beat => Assert.True(beat.Stored.IsCompletedSuccessfully, beat.Stored.Exception?.InnerException?.Message));
        Assert.All(Users, user => Assert.True(Nodes.IsOnline(user)));
    }
}
