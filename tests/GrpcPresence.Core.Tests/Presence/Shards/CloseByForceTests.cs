using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Tests.Presence.Fixture;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence.Shards;

/// <summary>A node that has lost a shard forgets its users, and writes nothing of them.</summary>
public sealed class CloseByForceTests : IDisposable
{
    private readonly NodesWorld _world = new();

    private Shard Shard => _world.ShardOf(Alice);

    private PresenceWorld First => _world.First;

    public void Dispose() => _world.Dispose();

    [Fact]
    public void The_users_of_a_lost_shard_leave_without_a_transition()
    {
        First.BeatAndWrite(Alice, Phone);
        First.BeatAndWrite(Bob, Phone);
        First.DeleteUser(Bob);
        var published = First.Published.Count;

        First.Tracker.Shards!.Close(Shard);
        First.Tracker.Shards!.Close(_world.ShardOf(Bob));
        _world.PassAndWrite(SessionTimeout * 2);

        Assert.True(First.StoredOnline(Alice));
        Assert.Equal(published, First.Published.Count);
        Assert.Equal(0, First.Tracker.TrackedUsers);
        Assert.Equal(0, First.Tracker.LiveSessions);
        Assert.Equal(0, First.Tracker.Sids.Count);
        Assert.Equal(0, First.Service.RememberedDeletedUsers);
    }

    [Fact]
    public async Task Callers_that_wait_get_moved_and_the_writer_drops_what_is_queued()
    {
        First.BeatAndWrite(Bob, Phone);
        var beat = First.Beat(Alice, Phone);
        var end = First.End(Alice, Laptop);

        First.Tracker.Shards!.Close(Shard);

        Assert.True(beat.IsMoved);
        First.Write();
        await Assert.ThrowsAsync<ShardMovedException>(() => end);
        Assert.Null(First.StoredOnline(Alice));
        Assert.Empty(First.Store.Image.Get(First.Service.Sid).EndedSessions);
        Assert.Equal(0, First.Queue.Count);
    }

    [Fact]
    public async Task A_transition_in_doubt_of_a_lost_shard_is_not_queued_again()
    {
        var beat = First.Beat(Alice, Phone);
        First.Store.Faults.FailAllOperations(fail: true);
        First.Write();
        await Assert.ThrowsAnyAsync<Exception>(() => beat.Stored);
        First.Store.Faults.Clear();

        First.Tracker.Shards!.Close(Shard);
        First.Write();

        Assert.Null(First.StoredOnline(Alice));
        Assert.Equal(0, First.Queue.Count);
    }

    [Fact]
    public void The_node_can_take_the_shard_again_and_what_the_writer_still_had_is_not_stored()
    {
        First.Beat(Alice, Phone);
        First.Tracker.Shards!.Close(Shard);
        _world.Open(First.Tracker.Shards!.Load(Shard));

        First.Write();
        Assert.Null(First.StoredOnline(Alice));
        First.BeatAndWrite(Alice, Phone);

        Assert.True(First.StoredOnline(Alice));
        Assert.Equal(1, First.Tracker.LiveSessions);
    }

    [Fact]
    public void A_stream_keeps_no_user_of_a_lost_shard()
    {
        var id = _world.NewStream(First);
        NodesWorld.Beat(First, Alice, Phone, id);
        var stream = First.Tracker.Streams!.Find(id)!;
        Assert.Equal(1, stream.UserCount);

        First.Tracker.Shards!.Close(Shard);

        Assert.Equal(0, stream.UserCount);
        Assert.Equal(0, First.Tracker.Streams!.Count);
    }
}
