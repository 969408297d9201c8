using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Tests.Presence.Fixture;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence.Shards;

/// <summary>
/// The close of a heartbeat stream ends its sessions soon, wherever their shards are meanwhile, and no node remembers the stream.
/// </summary>
public sealed class StreamCloseTests : TwoNodesTestBase
{
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(1);

    [Fact]
    public void Closed_the_sessions_of_a_stream_end_after_the_debounce_in_each_shard_also_after_a_hand_over()
    {
        var stream = World.NewStream(First);
        NodesWorld.Beat(First, Alice, Phone, stream);
        NodesWorld.Beat(First, Bob, Phone, stream);
        World.HandOver(Shard, First, Second);
        Assert.All(World.Nodes, node => Assert.Equal(1, node.Tracker.Streams!.Count)); // for one user each

        World.Close(stream);

        World.PassAndWrite(Debounce);
        Assert.False(Second.StoredOnline(Alice));
        Assert.False(Second.StoredOnline(Bob));
        Assert.All(World.Nodes, node => Assert.Equal(0, node.Tracker.Streams!.Count));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Closed_a_stream_whose_sessions_live_on_is_forgotten_as_well(bool endSessionsOnClose)
    {
        var stream = World.NewStream(First);
        First.BeatAndWrite(Alice, Phone, First.Tracker.Streams!.Meet(stream, endSessionsOnClose));

        World.Close(stream, endsSessions: false);

        Assert.Equal(0, First.Tracker.Streams!.Count);
        Assert.Empty(First.Tracker.Streams!.ListOf(Shard));
        World.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(First.StoredOnline(Alice));
    }

    [Fact]
    public void Closed_a_stream_whose_heartbeats_were_all_moved_is_forgotten()
    {
        var stream = World.NewStream(First);
        var met = Second.Tracker.Streams!.Meet(stream, endSessionsOnClose: true);
        Assert.True(Second.Beat(Alice, Phone, met).IsMoved);

        NodesWorld.Close(Second, stream);

        Assert.Equal(0, Second.Tracker.Streams!.Count);
    }

    [Fact]
    public void Closed_a_close_counts_at_once_while_the_shard_is_sealed()
    {
        var stream = World.NewStream(First);
        NodesWorld.Beat(First, Alice, Phone, stream);
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;

        NodesWorld.Close(First, stream);
        HandOver(sealedShard);

        World.PassAndWrite(Debounce);
        Assert.False(Second.StoredOnline(Alice));
        Assert.All(World.Nodes, node => Assert.Equal(0, node.Tracker.Streams!.Count));
    }

    [Fact]
    public void Closed_a_close_while_the_shard_is_sealed_counts_when_the_hand_over_is_given_up()
    {
        var stream = World.NewStream(First);
        NodesWorld.Beat(First, Alice, Phone, stream);
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;

        NodesWorld.Close(First, stream);
        sealedShard.Reopen();

        World.PassAndWrite(Debounce);
        Assert.False(First.StoredOnline(Alice));
        Assert.Equal(0, First.Tracker.Streams!.Count);
    }

    [Fact]
    public void Closed_a_close_that_reaches_the_receiver_before_the_hand_over_and_the_holder_after_it_is_not_lost()
    {
        var stream = World.NewStream(First);
        NodesWorld.Beat(First, Alice, Phone, stream);

        NodesWorld.Close(Second, stream);
        World.HandOver(Shard, First, Second);
        NodesWorld.Close(First, stream);

        World.PassAndWrite(Debounce);
        Assert.False(Second.StoredOnline(Alice));
        Assert.All(World.Nodes, node => Assert.Equal(0, node.Tracker.Streams!.Count));
    }

    [Fact]
    public void Closed_a_close_while_the_shard_is_loaded_counts_when_the_shard_opens()
    {
        var stream = World.NewStream(First);
        NodesWorld.Beat(First, Alice, Phone, stream);
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;
        var load = Second.Tracker.Shards!.Load(Shard);
        NodesWorld.Send(sealedShard, load, Second);

        NodesWorld.Close(Second, stream);
        sealedShard.Release();
        World.Open(load);

        World.PassAndWrite(Debounce);
        Assert.False(Second.StoredOnline(Alice));
        Assert.All(World.Nodes, node => Assert.Equal(0, node.Tracker.Streams!.Count));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Closed_a_heartbeat_that_comes_after_the_close_does_not_bring_the_stream_back(bool isKnown)
    {
        var stream = World.NewStream(Second);
        if (isKnown)
            NodesWorld.Beat(First, Alice, Phone, stream);
        NodesWorld.Close(First, stream);

        NodesWorld.Beat(First, Alice, Phone, stream);

        Assert.Equal(0, First.Tracker.Streams!.Count);
        Assert.True(First.StoredOnline(Alice));
        World.PassAndWrite(Debounce);
        Assert.False(First.StoredOnline(Alice));
    }

    [Fact]
    public void Closed_a_stream_that_is_closed_between_its_meeting_and_its_heartbeat_is_not_kept()
    {
        var stream = World.NewStream(Second);
        var met = First.Tracker.Streams!.Meet(stream, endSessionsOnClose: true);

        NodesWorld.Close(First, stream);
        First.BeatAndWrite(Alice, Phone, met);

        Assert.Equal(0, First.Tracker.Streams!.Count);
        Assert.Empty(First.Tracker.Streams!.ListOf(Shard));
        World.PassAndWrite(Debounce);
        Assert.False(First.StoredOnline(Alice));
    }

    [Fact]
    public void Closed_a_stream_that_is_forgotten_between_its_meeting_and_its_heartbeat_is_met_again()
    {
        var stream = World.NewStream(Second);
        NodesWorld.Beat(First, Alice, Phone, stream);
        var met = First.Tracker.Streams!.Find(stream)!;
        First.Tracker.Shards!.Close(Shard); // the only shard of the stream

        First.BeatAndWrite(Bob, Phone, met);

        Assert.Equal(1, First.Tracker.Streams!.Count);
        NodesWorld.Close(First, stream);
        World.PassAndWrite(Debounce);
        Assert.False(First.StoredOnline(Bob));
    }

    [Fact]
    public void NoFalseOffline_a_late_heartbeat_of_a_closed_stream_takes_no_session_from_another_one()
    {
        var (older, newer) = (World.NewStream(First), World.NewStream(Second));
        NodesWorld.Beat(First, Alice, Phone, newer);
        NodesWorld.Close(First, older); // this node has not met it

        NodesWorld.Beat(First, Alice, Phone, older);

        World.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(First.StoredOnline(Alice));
    }

    [Fact]
    public void Closed_a_session_ends_with_its_stream_also_after_a_late_heartbeat_of_an_older_closed_one()
    {
        var (older, newer) = (World.NewStream(First), World.NewStream(Second));
        NodesWorld.Beat(First, Alice, Phone, newer);
        NodesWorld.Close(First, older); // this node has not met it
        NodesWorld.Beat(First, Alice, Phone, older);

        NodesWorld.Close(First, newer);

        World.PassAndWrite(Debounce);
        Assert.False(First.StoredOnline(Alice));
    }

    [Fact]
    public void NoFalseOffline_a_late_heartbeat_of_a_closed_stream_shortens_no_lease_of_others()
    {
        var stream = World.NewStream(Second);
        NodesWorld.Beat(First, Alice, Phone, stream);
        NodesWorld.Close(First, stream);
        First.BeatAndWrite(Alice, Phone); // a call of the same client

        NodesWorld.Beat(First, Alice, Phone, stream);

        World.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(First.StoredOnline(Alice));
    }

    [Fact]
    public void NoFalseOffline_a_closed_stream_that_is_handed_over_keeps_its_place_in_the_order()
    {
        var (older, newer) = (World.NewStream(First), World.NewStream(Second));
        NodesWorld.Beat(First, Alice, Phone, older);
        NodesWorld.Beat(First, Alice, Phone, newer);
        NodesWorld.Close(Second, newer, endsSessions: false); // the holder hears of it later

        World.HandOver(Shard, First, Second);
        NodesWorld.Beat(Second, Alice, Phone, older);
        NodesWorld.Close(Second, older);

        World.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(Second.StoredOnline(Alice));
    }

    [Fact]
    public void Bounded_a_close_is_remembered_for_some_time()
    {
        var streams = First.Tracker.Streams!;
        for (var number = 0; number < 3; number++)
            First.Tracker.Shards!.CloseStream(World.NewStream(Second), endsSessions: true, until: Memory * (1 + number));
        Assert.Equal(3, streams.ClosedCount);

        streams.Forget(static _ => true, Memory - TimeSpan.FromTicks(1));
        Assert.Equal(3, streams.ClosedCount);
        streams.Forget(static _ => true, Memory * 2);
        Assert.Equal(1, streams.ClosedCount);
        streams.Forget(static _ => true, Memory * 3);
        Assert.Equal(0, streams.ClosedCount);
    }

    [Fact]
    public void Closed_a_close_that_comes_again_is_remembered_from_then_on()
    {
        var streams = First.Tracker.Streams!;
        var stream = World.NewStream(First);
        streams.Close(stream, endsSessions: true, until: TimeSpan.FromSeconds(10));
        streams.Close(stream, endsSessions: true, until: TimeSpan.FromSeconds(20));

        streams.Forget(static _ => true, TimeSpan.FromSeconds(10));
        Assert.Equal(1, streams.ClosedCount);
        streams.Forget(static _ => true, TimeSpan.FromSeconds(20));
        Assert.Equal(0, streams.ClosedCount);
    }

    [Fact]
    public void Bounded_the_streams_of_a_node_that_is_gone_are_forgotten_and_their_sessions_stay()
    {
        var (gone, alive) = (World.NewStream(Second), World.NewStream(First));
        NodesWorld.Beat(First, Alice, Phone, gone);
        NodesWorld.Beat(First, Bob, Phone, alive);
        var streams = First.Tracker.Streams!;

        streams.Forget(node => node == alive.Ingress, TimeSpan.Zero); // a new node may not be in the view yet
        streams.Forget(static _ => true, Limits.IngressAbsence);
        streams.Forget(node => node == alive.Ingress, Limits.IngressAbsence);
        Assert.Equal(2, streams.Count);
        streams.Forget(node => node == alive.Ingress, 2 * Limits.IngressAbsence);

        Assert.Equal([alive], streams.Known);
        Assert.Empty(streams.ListOf(Shard));
        World.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(First.StoredOnline(Alice));
    }

    [Fact]
    public void Bounded_a_shard_that_leaves_touches_only_its_streams()
    {
        var (alices, bobs, both) = (World.NewStream(Second), World.NewStream(Second), World.NewStream(Second));
        NodesWorld.Beat(First, Alice, Phone, alices);
        NodesWorld.Beat(First, Bob, Phone, bobs);
        NodesWorld.Beat(First, Alice, Session("another"), both);
        NodesWorld.Beat(First, Bob, Session("another"), both);
        Assert.Equal([alices, both], First.Tracker.Streams!.ListOf(Shard).Select(stream => stream.Id));

        First.Tracker.Shards!.Close(Shard);

        Assert.Empty(First.Tracker.Streams!.ListOf(Shard));
        Assert.Equal([bobs, both], First.Tracker.Streams!.ListOf(World.ShardOf(Bob)).Select(stream => stream.Id));
        Assert.Equal(2, First.Tracker.Streams!.Count);
    }

    private void HandOver(Core.Presence.SealedShard sealedShard)
    {
        var load = Second.Tracker.Shards!.Load(Shard);
        NodesWorld.Send(sealedShard, load, Second);
        sealedShard.Release();
        World.Open(load);
    }
}
