using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Tests.Presence.Fixture;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence.Shards;

/// <summary>An older stream does not take a session from a newer one, whichever nodes hold the shard and received the streams.</summary>
public sealed class StreamOrderTests : TwoNodesTestBase
{
    [Fact]
    public void A_late_heartbeat_of_an_older_stream_does_not_take_the_session_back_after_a_hand_over()
    {
        var (older, newer) = (World.NewStream(First), World.NewStream(Second));
        NodesWorld.Beat(First, Alice, Phone, older);
        NodesWorld.Beat(First, Alice, Phone, newer);

        World.HandOver(Shard, First, Second);
        NodesWorld.Beat(Second, Alice, Phone, older);
        NodesWorld.Close(Second, older);

        World.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(Second.StoredOnline(Alice));
        Assert.Equal(0, First.Tracker.Streams!.Count);
    }

    [Fact]
    public void A_stream_that_is_met_after_a_hand_over_is_newer_than_each_that_was_handed_over()
    {
        Second.Tracker.RaiseUptime(TimeSpan.Zero);
        First.Tracker.RaiseUptime(TimeSpan.FromHours(1)); // the numbers of the first node are far ahead
        var (older, newer) = (World.NewStream(First), World.NewStream(Second));
        NodesWorld.Beat(First, Alice, Phone, older);

        World.HandOver(Shard, First, Second);
        NodesWorld.Beat(Second, Alice, Phone, newer);
        NodesWorld.Close(Second, older);

        World.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(Second.StoredOnline(Alice));
        NodesWorld.Close(Second, newer);
        World.PassAndWrite(Debounce);
        Assert.False(Second.StoredOnline(Alice));
    }

    [Fact]
    public void Two_streams_that_were_opened_to_one_node_keep_their_order_even_if_the_holder_meets_them_in_another_one()
    {
        var (older, newer) = (World.NewStream(Second), World.NewStream(Second));
        NodesWorld.Beat(First, Alice, Phone, newer);
        NodesWorld.Beat(First, Alice, Phone, older);

        NodesWorld.Close(First, older);

        World.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(First.StoredOnline(Alice));
    }

    [Fact]
    public void The_earliest_meeting_counts_when_both_nodes_have_met_a_stream()
    {
        var (older, newer) = (World.NewStream(First), World.NewStream(Second));
        NodesWorld.Beat(First, Alice, Phone, older);
        World.PassAndWrite(TimeSpan.FromSeconds(1));
        NodesWorld.Beat(First, Alice, Phone, newer);
        World.PassAndWrite(TimeSpan.FromSeconds(1));
        Second.Tracker.Streams!.Meet(older, endSessionsOnClose: true); // for users of other shards

        World.HandOver(Shard, First, Second);
        NodesWorld.Beat(Second, Alice, Phone, older);
        NodesWorld.Close(Second, older);

        World.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(Second.StoredOnline(Alice));
    }

    [Fact]
    public void A_closed_stream_still_owns_its_sessions_after_a_hand_over()
    {
        var (older, newer) = (World.NewStream(First), World.NewStream(Second));
        NodesWorld.Beat(First, Alice, Phone, older);
        NodesWorld.Beat(First, Alice, Phone, newer);
        NodesWorld.Close(First, newer, endsSessions: false); // ended by the server

        World.HandOver(Shard, First, Second);
        NodesWorld.Beat(Second, Alice, Phone, older);
        NodesWorld.Close(Second, older);

        World.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(Second.StoredOnline(Alice));
        Assert.Equal(0, Second.Tracker.Streams!.Count);
    }

    [Fact]
    public void After_a_take_over_the_order_of_arrival_counts()
    {
        var (older, newer) = (World.NewStream(First), World.NewStream(Second));
        NodesWorld.Beat(First, Alice, Phone, older);
        NodesWorld.Beat(First, Alice, Phone, newer);
        First.Tracker.Shards!.Close(Shard);
        World.Open(Second.Tracker.Shards!.Load(Shard));

        NodesWorld.Beat(Second, Alice, Phone, newer);
        NodesWorld.Beat(Second, Alice, Phone, older);
        NodesWorld.Close(Second, older);

        World.PassAndWrite(Debounce);
        Assert.False(Second.StoredOnline(Alice));
    }

    [Fact]
    public void The_end_of_a_node_is_not_a_close()
    {
        var stream = World.NewStream(Second);
        NodesWorld.Beat(First, Alice, Phone, stream);

        First.Tracker.Streams!.Forget(stream.Ingress);

        Assert.Equal(0, First.Tracker.Streams!.Count);
        World.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(First.StoredOnline(Alice));
    }
}
