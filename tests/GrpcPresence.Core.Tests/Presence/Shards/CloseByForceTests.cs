using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence.HandOver;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Tests.Presence.Fixture;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
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
    public void A_state_that_the_writer_took_before_the_shard_was_lost_is_not_stored_after_it_came_back()
    {
        First.BeatAndWrite(Alice, Phone);
        _ = First.End(Alice, Phone);
        First.Write();
        // Under another key: the writer takes the state of the user, does not find the user, and tries again in the next commit.
        _world.Second.DeleteUser(Alice);
        _world.Second.Submit(new CreateUser(First.Service.Sid, Alice, "", "{}", default));
        First.Beat(Alice, Laptop);
        Assert.Equal(WriteOutcome.Written, First.Writer.WriteOnce());
        Assert.Equal(1, First.Queue.Count);

        First.Tracker.Shards!.Close(Shard);
        _world.Open(First.Tracker.Shards!.Load(Shard));
        First.Write();

        Assert.False(First.StoredOnline(Alice) ?? false);
        Assert.Equal(0, First.Tracker.TrackedUsers);
    }

    [Fact]
    public void A_command_that_the_writer_gives_up_because_of_its_shard_takes_its_user_along()
    {
        First.BeatAndWrite(Alice, Phone);
        First.BeatAndWrite(Alice, Laptop);
        _ = First.End(Alice, Phone);
        _ = First.End(Alice, Laptop);
        var taken = new List<Command>();
        First.Queue.TakeBatch(taken, callers: 10, background: 10);

        foreach (var command in taken)
            command.FailPermanently(new ShardMovedException(Shard));

        Assert.Equal(0, First.Tracker.TrackedUsers);
        _world.PassAndWrite(SessionTimeout * 2);
        Assert.True(First.StoredOnline(Alice));
    }

    [Fact]
    public void A_release_forgets_the_users_also_if_the_writer_has_closed_the_gate()
    {
        First.BeatAndWrite(Alice, Phone);
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;
        First.Gates.Set(Shard, default);

        sealedShard.Release();

        Assert.Equal(0, First.Tracker.TrackedUsers);
    }

    [Fact]
    public void OneHolder_a_shard_that_the_writer_loses_while_its_hand_over_is_given_up_stays_closed()
    {
        First.BeatAndWrite(Alice, Phone);
        var epoch = First.Gates[Shard].Epoch;
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;
        First.Time.Reading = () => First.Gates.Lose(Shard, epoch, First.Gates.Data);

        sealedShard.Reopen();

        Assert.Equal(new ShardGate(ShardGateState.Closed, epoch), First.Gates[Shard]);
    }

    [Fact]
    public void A_load_of_a_shard_that_was_closed_adds_nothing()
    {
        First.BeatAndWrite(Alice, Phone);
        First.Tracker.Shards!.Close(Shard);
        var load = First.Tracker.Shards!.Load(Shard);
        var stored = new StoredOnlineUser(1, First.Service.Sid, new UserSid(1), Alice, LastAlive: default);

        First.Tracker.Shards!.Close(Shard);

        Assert.True(load.Stopped.IsCancellationRequested);
        Assert.Throws<OperationCanceledException>(() => load.TakeOver(default));
        Assert.Throws<OperationCanceledException>(() => load.Recover(First.Service, stored));
        Assert.Throws<OperationCanceledException>(() => load.RecoverEnded(First.Service, Alice, Phone, TimeSpan.FromHours(1)));
        Assert.Throws<OperationCanceledException>(() => load.Receive(new HandOverStart(default, [])));
        Assert.Throws<OperationCanceledException>(() => load.Receive(
            First.Service, new HandedUser { Service = First.Service.Sid, ServiceId = First.Service.Id, Identity = Alice }));
        Assert.Throws<InvalidOperationException>(() => load.Open(epoch: 9_999));
        Assert.Equal(0, First.Tracker.TrackedUsers);
    }

    [Fact]
    public void A_load_stops_when_the_shard_is_loaded_again()
    {
        First.Tracker.Shards!.Close(Shard);
        var earlier = First.Tracker.Shards!.Load(Shard);

        var load = First.Tracker.Shards!.Load(Shard);

        Assert.True(earlier.Stopped.IsCancellationRequested);
        Assert.False(load.Stopped.IsCancellationRequested);
        Assert.Equal(0, load.Open(epoch: 9_999));
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
