using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tests.Presence.Fixture;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence.Shards;

/// <summary>The holder of a shard is gone, and the other node takes the shard over from the store.</summary>
public sealed class TakeOverTests : IDisposable
{
    private readonly NodesWorld _world = new();

    private Shard Shard => _world.ShardOf(Alice);

    private PresenceWorld First => _world.First;

    private PresenceWorld Second => _world.Second;

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task NoFalseOffline_users_stay_online_for_a_full_timeout_from_the_moment_the_shard_opens()
    {
        First.BeatAndWrite(Alice, Phone);
        _world.PassAndWrite(SessionTimeout - Limits.Tick);
        var load = await LoadAsync();
        _world.PassAndWrite(SessionTimeout * 2); // loading takes long, but no lease expires

        _world.Open(load);

        _world.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(Second.StoredOnline(Alice));
        Assert.True(Second.List(Alice).Recovering);
        _world.PassAndWrite(Limits.Tick);
        Assert.False(Second.StoredOnline(Alice));
        Assert.Equal(0, Second.Tracker.TrackedUsers);
    }

    [Fact]
    public async Task NoFalseOffline_a_user_that_beats_again_is_never_shown_offline()
    {
        First.BeatAndWrite(Alice, Phone);
        _world.Open(await LoadAsync());

        Assert.Same(Task.CompletedTask, Second.Beat(Alice, Phone).Stored);
        for (var passed = TimeSpan.Zero; passed < SessionTimeout * 3; passed += SessionTimeout / 2)
        {
            _world.PassAndWrite(SessionTimeout / 2);
            Second.BeatAndWrite(Alice, Phone);
        }

        Assert.Empty(Second.Published);
        Assert.False(Second.List(Alice).Recovering);
    }

    [Fact]
    public async Task NoFalseOffline_sessions_that_a_broken_hand_over_brought_stay_and_the_users_have_a_full_timeout()
    {
        First.BeatAndWrite(Alice, Phone);
        _world.PassAndWrite(SessionTimeout - TimeSpan.FromSeconds(10));
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;
        var load = Second.Tracker.Shards!.Load(Shard);
        NodesWorld.Send(sealedShard, load, Second);
        var moved = First.Time.GetUtcNow();
        First.Tracker.Shards!.Close(Shard); // the holder dies before the switch

        await _world.TakeOverAsync(load, Second);
        _world.Open(load);
        Second.Write();

        Assert.Equal(["phone"], Second.SessionsOf(Alice));
        Assert.True(Second.List(Alice).Recovering);
        _world.PassAndWrite(TimeSpan.FromSeconds(10));
        Assert.Empty(Second.SessionsOf(Alice));
        _world.PassAndWrite(SessionTimeout - TimeSpan.FromSeconds(10) - Limits.Tick);
        Assert.True(Second.StoredOnline(Alice));
        _world.PassAndWrite(Limits.Tick);
        Assert.False(Second.StoredOnline(Alice));
        var lastOnline = Second.Store.Image.Get(Second.Service.Sid).FindUser(new UserKey(Alice))!.LastOnlineTime;
        Assert.InRange(lastOnline!.Value, moved, Second.Time.GetUtcNow()); // the session lived then
    }

    [Fact]
    public async Task NoFalseOffline_an_anonymous_session_that_was_handed_over_lasts_a_full_timeout_again()
    {
        First.BeatAndWrite(Alice, Phone);
        First.Tracker.Shards!.Close(Shard);
        await _world.TakeOverAsync(Shard, First);
        _world.PassAndWrite(SessionTimeout - TimeSpan.FromSeconds(10));
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;
        var load = Second.Tracker.Shards!.Load(Shard);
        NodesWorld.Send(sealedShard, load, Second);

        await _world.TakeOverAsync(load, Second);
        _world.Open(load);

        _world.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(Second.StoredOnline(Alice));
        _world.PassAndWrite(Limits.Tick);
        Assert.False(Second.StoredOnline(Alice));
    }

    [Fact]
    public async Task What_is_stored_follows_from_the_store_and_not_from_a_broken_hand_over()
    {
        First.BeatAndWrite(Alice, Phone);
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;
        var load = Second.Tracker.Shards!.Load(Shard);
        load.Receive(sealedShard.Start());
        var next = 0;
        var user = sealedShard.ListUsers(ref next, 1)[0];
        load.Receive(Second.Service, user);
        sealedShard.Reopen();
        _ = First.End(Alice, Phone); // the seal was given up, and nobody told the other node before this one died
        First.Write();
        Assert.False(First.StoredOnline(Alice));
        First.Tracker.Shards!.Close(Shard);

        await _world.TakeOverAsync(load, Second);
        _world.Open(load);
        Second.Write();

        Assert.Equal(ErrorReason.SessionEnded, Second.Beat(Alice, Phone).Rejection);
        Assert.Empty(Second.SessionsOf(Alice));
        Assert.False(Second.StoredOnline(Alice));
        Assert.Empty(Second.Published);
    }

    [Fact]
    public async Task A_user_that_went_offline_after_the_hand_over_was_given_up_does_not_come_back()
    {
        First.BeatAndWrite(Alice, Phone);
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;
        var load = Second.Tracker.Shards!.Load(Shard);
        NodesWorld.Send(sealedShard, load, Second);
        sealedShard.Reopen();
        _world.PassAndWrite(SessionTimeout);
        Assert.False(First.StoredOnline(Alice));
        First.Tracker.Shards!.Close(Shard);

        await _world.TakeOverAsync(load, Second);
        _world.Open(load);
        Second.Write();

        Assert.Empty(Second.SessionsOf(Alice));
        Assert.Empty(Second.Published);
        Assert.Equal(0, Second.Tracker.TrackedUsers);
    }

    [Fact]
    public async Task Final_an_ended_session_stays_ended_after_a_take_over()
    {
        First.BeatAndWrite(Alice, Phone);
        First.BeatAndWrite(Alice, Laptop);
        _ = First.End(Alice, Phone);
        First.Write();
        _world.PassAndWrite(TimeSpan.FromSeconds(10));

        _world.Open(await LoadAsync());

        Assert.Equal(ErrorReason.SessionEnded, Second.Beat(Alice, Phone).Rejection);
        var left = SessionTimeout - TimeSpan.FromSeconds(10) + Limits.UptimeLag;
        _world.PassAndWrite(left - Limits.Tick);
        Assert.Equal(ErrorReason.SessionEnded, Second.Beat(Alice, Phone).Rejection);
        _world.PassAndWrite(Limits.Tick);
        Assert.Null(Second.Beat(Alice, Phone).Rejection);
    }

    [Fact]
    public async Task Final_an_end_that_was_stored_by_a_node_that_was_behind_is_not_forgotten_too_early()
    {
        var lag = TimeSpan.FromSeconds(4);
        Second.Tracker.RaiseUptime(Second.Tracker.Uptime!.Value + lag);
        First.BeatAndWrite(Alice, Phone);
        First.BeatAndWrite(Alice, Laptop);
        _ = First.End(Alice, Phone);
        First.Write();

        _world.Open(await LoadAsync());
        _world.PassAndWrite(SessionTimeout - Limits.Tick);

        Assert.Equal(ErrorReason.SessionEnded, Second.Beat(Alice, Phone).Rejection);
    }

    [Fact]
    public async Task Only_users_of_the_shard_are_taken_over()
    {
        First.BeatAndWrite(Alice, Phone);
        First.BeatAndWrite(Bob, Phone);

        _world.Open(await LoadAsync());

        Assert.Equal(1, Second.Tracker.TrackedUsers);
        Assert.False(First.Beat(Bob, Phone).IsMoved);
    }

    [Fact]
    public void A_user_of_another_shard_is_not_recovered()
    {
        var load = Second.Tracker.Shards!.Load(Shard);

        Assert.Throws<ArgumentException>(() => load.Recover(
            Second.Service, new StoredOnlineUser(1, Second.Service.Sid, default, Bob, TimeSpan.Zero)));
    }

    private async Task<ShardLoad> LoadAsync()
    {
        First.Tracker.Shards!.Close(Shard);
        var load = Second.Tracker.Shards!.Load(Shard);
        await _world.TakeOverAsync(load, Second);
        return load;
    }
}
