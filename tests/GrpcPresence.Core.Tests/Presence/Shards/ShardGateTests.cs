using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tests.Presence.Fixture;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence.Shards;

/// <summary>A node decides only about the users of its open shards.</summary>
public sealed class ShardGateTests : IDisposable
{
    private readonly NodesWorld _world = new();

    private Shard Shard => _world.ShardOf(Alice);

    private PresenceTracker Tracker => _world.First.Tracker;

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Calls_for_a_closed_or_sealed_shard_are_moved_and_change_nothing(bool isSealed)
    {
        _world.First.BeatAndWrite(Alice, Phone);
        if (isSealed)
            Tracker.Shards!.TrySeal(Shard);
        else
            Tracker.Shards!.Close(Shard);

        var beat = _world.First.Beat(Alice, Laptop);
        Assert.True(beat.IsMoved);
        Assert.Null(beat.Rejection);
        var end = await Assert.ThrowsAsync<ShardMovedException>(() => _world.First.End(Alice, Phone));
        Assert.Equal(Shard, end.Shard);
        Assert.Throws<ShardMovedException>(() => _world.First.List(Alice));
        Assert.False(Tracker.Exists(_world.First.Service, Alice));
        _world.PassAndWrite(SessionTimeout * 2);

        Assert.True(_world.First.StoredOnline(Alice));
        Assert.Single(_world.First.Published);
    }

    [Fact]
    public void Users_of_other_shards_are_not_concerned()
    {
        var other = Enumerable.Range(0, 10).Select(number => Identity.FromTrusted($"user-{number}"))
            .First(user => _world.ShardOf(user) != Shard); // the service instance has a random SID
        _world.First.BeatAndWrite(other, Phone);

        Tracker.Shards!.TrySeal(Shard);

        Assert.False(_world.First.Beat(other, Phone).IsMoved);
        Assert.Equal(["phone"], _world.First.SessionsOf(other));
        _world.PassAndWrite(SessionTimeout);
        Assert.False(_world.First.StoredOnline(other));
    }

    [Fact]
    public void A_heartbeat_that_is_answered_is_not_moved()
    {
        Assert.False(_world.First.Beat(Alice, Phone).IsMoved);
        _world.First.BeatAndWrite(Alice, Phone);
        Assert.Same(Task.CompletedTask, _world.First.Beat(Alice, Phone).Stored);
        Assert.False(_world.First.Beat(Alice, Phone).IsMoved);
        _world.First.Queue.Close();
        Assert.False(_world.First.Beat(Bob, Phone).IsMoved); // the task faults, but not because of the shard
    }

    [Fact]
    public async Task A_seal_waits_for_calls_that_saw_the_open_gate()
    {
        // All of them take the lock of one part, so that one of them is nearly always inside when the seal comes.
        var users = Enumerable.Range(0, 100_000).Select(number => Identity.FromTrusted($"user-{number}"))
            .Where(user => _world.ShardOf(user) == Shard).Take(8).ToList();
        for (var round = 0; round < 200; round++)
        {
            using var begin = new Barrier(users.Count + 1);
            var session = Session($"s{round}");
            var beats = users.Select(user => Task.Run(() =>
            {
                begin.SignalAndWait(TestContext.Current.CancellationToken);
                return _world.First.Beat(user, session).IsMoved;
            })).ToList();
            begin.SignalAndWait(TestContext.Current.CancellationToken);

            var sealedShard = Tracker.Shards!.TrySeal(Shard)!;
            _world.First.Write();
            var carried = NamesOf(sealedShard, session);

            var moved = await Task.WhenAll(beats);
            Assert.Equal(moved.Count(isMoved => !isMoved), carried);
            sealedShard.Reopen();
        }
    }

    [Fact]
    public async Task The_resolver_reads_the_store_for_users_of_other_nodes()
    {
        _world.First.BeatAndWrite(Alice, Phone);
        var reads = _world.Second.Store.Faults.Reads;

        var found = await _world.Second.Users.ResolveExistingAsync(
            _world.Second.Service, new UserKey(Alice), TestContext.Current.CancellationToken);

        Assert.Equal(Alice, found.Identity);
        Assert.Equal(reads + 1, _world.Second.Store.Faults.Reads);
    }

    [Fact]
    public void Only_an_open_shard_is_sealed_and_only_a_closed_one_loaded()
    {
        Assert.Throws<InvalidOperationException>(() => Tracker.Shards!.Load(Shard));
        var sealedShard = Tracker.Shards!.TrySeal(Shard)!;
        Assert.Null(Tracker.Shards!.TrySeal(Shard));
        Assert.Throws<InvalidOperationException>(() => Tracker.Shards!.Load(Shard));

        Tracker.Shards!.Close(Shard);
        sealedShard.Reopen();

        Assert.True(_world.First.Beat(Alice, Phone).IsMoved);
        Assert.Null(Tracker.Shards!.TrySeal(Shard));
    }

    [Fact]
    public void A_switch_of_reachability_reconsiders_users_of_a_sealed_shard_when_it_opens()
    {
        _world.First.Configure(configuration => configuration with { ReachabilityEnabled = false });
        Assert.Null(_world.First.Beat(Alice, Phone).Rejection);
        _world.First.Write();
        Assert.False(_world.First.StoredOnline(Alice) ?? false);

        var sealedShard = Tracker.Shards!.TrySeal(Shard)!;
        _world.First.Configure(configuration => configuration with { ReachabilityEnabled = true });
        Assert.True(sealedShard.IsSettled());
        sealedShard.Reopen();
        _world.First.Write();

        Assert.True(_world.First.StoredOnline(Alice));
    }

    [Fact]
    public void A_user_of_a_deleted_service_instance_is_not_handed_over()
    {
        _world.First.BeatAndWrite(Alice, Phone);
        _world.First.Service.Delete();
        var sealedShard = Tracker.Shards!.TrySeal(Shard)!;

        var next = 0;
        Assert.Empty(sealedShard.ListUsers(ref next, 10));
    }

    private static int NamesOf(SealedShard sealedShard, SessionId session)
    {
        var next = 0;
        return sealedShard.ListUsers(ref next, 100).Count(user => user.Sessions.Any(each => each.Id == session));
    }
}
