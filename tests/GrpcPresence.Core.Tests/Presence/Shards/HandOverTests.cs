using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence.HandOver;
using GrpcPresence.Core.Tests.Presence.Fixture;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence.Shards;

/// <summary>A planned hand-over changes nothing that a client sees, except that leases last longer by the time that it takes.</summary>
public sealed class HandOverTests : TwoNodesTestBase
{
    private static readonly TimeSpan Takes = TimeSpan.FromMilliseconds(400);

    [Fact]
    public void NoFalseOffline_a_hand_over_publishes_nothing_and_the_next_heartbeat_is_answered_from_memory()
    {
        First.BeatAndWrite(Alice, Phone);

        HandOver();
        Assert.Same(Task.CompletedTask, Second.Beat(Alice, Phone).Stored);
        World.PassAndWrite(SessionTimeout - Limits.Tick);

        Assert.True(Second.StoredOnline(Alice));
        Assert.Empty(Second.Published);
        Assert.Single(First.Published);
        Assert.Equal(0, First.Tracker.TrackedUsers);
        Assert.Equal(0, First.Tracker.LiveSessions);
        Assert.Equal(1, Second.Tracker.LiveSessions);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(400)]
    [InlineData(60_000)]
    public void NoFalseOffline_leases_stand_still_while_the_shard_moves(int milliseconds)
    {
        var takes = TimeSpan.FromMilliseconds(milliseconds);
        First.BeatAndWrite(Alice, Phone);
        var left = TimeSpan.FromSeconds(20);
        World.PassAndWrite(SessionTimeout - left);

        HandOver(takes);

        World.PassAndWrite(left - Limits.Tick);
        Assert.True(Second.StoredOnline(Alice));
        Assert.Equal(["phone"], Second.SessionsOf(Alice));
        World.PassAndWrite(Limits.Tick);
        Assert.False(Second.StoredOnline(Alice));
        Assert.Equal(0, Second.Tracker.TrackedUsers);
    }

    [Fact]
    public void NoFalseOffline_a_heartbeat_that_waited_for_the_shard_is_in_time()
    {
        First.BeatAndWrite(Alice, Phone);
        World.PassAndWrite(SessionTimeout - Limits.Tick);

        HandOver(Takes);
        World.PassAndWrite(Limits.LeaseAfterMove - Limits.Tick);

        Assert.Same(Task.CompletedTask, Second.Beat(Alice, Phone).Stored);
        World.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(Second.StoredOnline(Alice));
        Assert.Empty(Second.Published);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void NoFalseOffline_a_mark_that_is_not_stored_is_made_again_by_the_next_holder(bool isStored)
    {
        First.BeatAndWrite(Alice, Phone);
        for (var passed = TimeSpan.Zero; First.Queue.Count == 0 && passed < Limits.AliveInterval; passed += SessionTimeout / 2)
        {
            First.Beat(Alice, Phone);
            First.Pass(SessionTimeout / 2);
        }
        Assert.Equal(1, First.Queue.Count); // the mark
        if (isStored)
            First.Write();

        var next = 0;
        var user = Assert.Single(First.Tracker.Shards!.TrySeal(Shard)!.ListUsers(ref next, 100));

        Assert.Equal(isStored, user.AliveAt > TimeSpan.Zero);
    }

    [Fact]
    public void A_lease_that_had_run_out_at_the_seal_is_not_given_more_time()
    {
        First.BeatAndWrite(Alice, Phone);
        First.BeatAndWrite(Bob, Phone);
        for (var passed = Limits.Tick; passed <= SessionTimeout; passed += Limits.Tick)
        {
            First.Time.Advance(Limits.Tick);
            if (passed < SessionTimeout)
                First.Tracker.Tick(); // the sweep has not come yet when the shard is sealed
        }

        HandOver();
        World.PassAndWrite(Limits.Tick);

        Assert.False(Second.StoredOnline(Alice));
    }

    [Fact]
    public void NoFalseOffline_a_hand_over_that_is_given_up_costs_no_lease()
    {
        First.BeatAndWrite(Alice, Phone);
        var left = TimeSpan.FromSeconds(20);
        World.PassAndWrite(SessionTimeout - left);

        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;
        World.PassAndWrite(SessionTimeout); // beyond the end of the lease and the reach of the wheel
        World.PassAndWrite(SessionTimeout);
        Assert.True(First.StoredOnline(Alice));
        sealedShard.Reopen();

        World.PassAndWrite(left - Limits.Tick);
        Assert.True(First.StoredOnline(Alice));
        Assert.Equal(["phone"], First.SessionsOf(Alice));
        World.PassAndWrite(Limits.Tick);
        Assert.False(First.StoredOnline(Alice));
    }

    [Fact]
    public void Final_an_ended_session_stays_ended_after_a_hand_over()
    {
        First.BeatAndWrite(Alice, Phone);
        First.BeatAndWrite(Alice, Laptop);
        _ = First.End(Alice, Phone);
        First.Write();

        HandOver(Takes);

        Assert.Equal(ErrorReason.SessionEnded, Second.Beat(Alice, Phone).Rejection);
        World.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.Equal(ErrorReason.SessionEnded, Second.Beat(Alice, Phone).Rejection);
        World.PassAndWrite(Limits.Tick);
        Assert.Null(Second.Beat(Alice, Phone).Rejection);
    }

    [Fact]
    public void Final_an_end_that_could_not_be_stored_is_handed_over()
    {
        First.BeatAndWrite(Alice, Phone);
        First.BeatAndWrite(Alice, Laptop);
        First.Store.Faults.FailAllOperations(fail: true);
        var end = First.End(Alice, Phone);
        First.Write();
        Assert.True(end.IsFaulted);
        First.Store.Faults.Clear();

        HandOver();

        Assert.Equal(ErrorReason.SessionEnded, Second.Beat(Alice, Phone).Rejection);
    }

    [Fact]
    public void Final_the_sessions_of_a_deleted_user_stay_ended_after_a_hand_over()
    {
        First.BeatAndWrite(Alice, Phone);
        First.DeleteUser(Alice);

        HandOver();

        Assert.Equal(1, Second.Service.RememberedDeletedUsers);
        Assert.Equal(0, First.Service.RememberedDeletedUsers);
        World.PassAndWrite(SessionTimeout * 2);
        Assert.Equal(ErrorReason.SessionEnded, Second.Beat(Alice, Phone).Rejection);
    }

    [Fact]
    public void A_shard_is_settled_when_the_writer_has_nothing_of_it()
    {
        First.BeatAndWrite(Alice, Phone);
        First.Beat(Alice, Laptop);
        _ = First.End(Alice, Laptop);
        var beat = First.Beat(Bob, Phone); // of another shard
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;

        Assert.False(sealedShard.IsSettled());
        var next = 0;
        Assert.Throws<InvalidOperationException>(() => sealedShard.ListUsers(ref next, 10));
        First.Store.Faults.FailAllOperations(fail: true);
        First.Write();
        First.Store.Faults.Clear();
        Assert.False(beat.Stored.IsCompletedSuccessfully);
        First.Write();

        Assert.True(sealedShard.IsSettled());
        Assert.Single(sealedShard.ListUsers(ref next, 10));
    }

    [Fact]
    public void A_transition_in_doubt_is_not_settled()
    {
        var beat = First.Beat(Alice, Phone);
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;
        First.Store.Faults.FailAllOperations(fail: true);
        First.Write();
        Assert.True(beat.Stored.IsFaulted);

        Assert.False(sealedShard.IsSettled());
        First.Store.Faults.Clear();
        First.Write();
        Assert.True(sealedShard.IsSettled());
    }

    [Fact]
    public async Task The_new_holder_stores_the_next_transition_without_looking_the_user_up()
    {
        First.BeatAndWrite(Alice, Phone);
        var user = HandOver()[0];
        Assert.Equal(First.SidOf(Alice), user.Sid);
        Assert.NotEqual(0, user.StoreId);
        Assert.True(user.Presence.IsOnline);

        var end = Second.End(Alice, Phone);
        Second.Write();

        await end;
        Assert.False(Second.StoredOnline(Alice));
    }

    [Fact]
    public void Everything_of_a_user_comes_back_when_the_shard_comes_back()
    {
        First.BeatAndWrite(Alice, Phone);
        First.BeatAndWrite(Alice, Laptop);
        World.PassAndWrite(TimeSpan.FromSeconds(7));
        First.BeatAndWrite(Alice, Laptop);
        First.BeatAndWrite(Alice, Session("gone"));
        _ = First.End(Alice, Session("gone"));
        First.Write();
        var before = First.List(Alice).Sessions;

        var there = HandOver();
        World.HandOver(Shard, Second, First);
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;
        var next = 0;
        var back = sealedShard.ListUsers(ref next, 10);
        sealedShard.Reopen();

        Assert.Equivalent(there, back, strict: true);
        Assert.Equal(before, First.List(Alice).Sessions);
    }

    [Fact]
    public void Users_that_are_received_twice_count_once()
    {
        First.BeatAndWrite(Alice, Phone);
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;
        var load = Second.Tracker.Shards!.Load(Shard);
        NodesWorld.Send(sealedShard, load, Second);
        NodesWorld.Send(sealedShard, load, Second);
        sealedShard.Release();
        World.Open(load);

        Assert.Equal(["phone"], Second.SessionsOf(Alice));
        Assert.Equal(1, Second.Tracker.LiveSessions);
    }

    [Fact]
    public void A_load_begins_without_what_an_earlier_one_received()
    {
        First.BeatAndWrite(Alice, Phone);
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;
        NodesWorld.Send(sealedShard, Second.Tracker.Shards!.Load(Shard), Second);
        sealedShard.Reopen();
        _ = First.End(Alice, Phone);
        First.Write();

        World.Open(Second.Tracker.Shards!.Load(Shard));

        Assert.Equal(0, Second.Tracker.TrackedUsers);
        Assert.Empty(Second.SessionsOf(Alice));
    }

    [Fact]
    public void A_user_of_another_shard_or_service_instance_is_not_received()
    {
        First.BeatAndWrite(Alice, Phone);
        var user = HandOver()[0];
        var load = First.Tracker.Shards!.Load(Shard);

        Assert.Throws<ArgumentException>(() => load.Receive(First.Service, user with { Identity = Bob }));
        Assert.Throws<ArgumentException>(() => load.Receive(First.Service, user with { ServiceId = user.ServiceId + 1 }));
    }

    [Fact]
    public void NoFalseOffline_a_pause_while_a_shard_opens_shortens_no_lease()
    {
        First.BeatAndWrite(Alice, Phone);
        World.PassAndWrite(TimeSpan.FromSeconds(10));
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;
        var (pause, readings) = (4 * Limits.Tick, 0);
        First.Time.Reading = () =>
        {
            if (++readings == 2) // the leases were continued, and the gate is not open
                First.Time.Advance(pause);
        };
        sealedShard.Reopen();
        First.Time.Reading = null;

        World.PassAndWrite(SessionTimeout - TimeSpan.FromSeconds(10) - Limits.Tick);
        Assert.True(First.StoredOnline(Alice));
        World.PassAndWrite(2 * Limits.Tick);
        Assert.False(First.StoredOnline(Alice));
    }

    [Fact]
    public void An_unseen_user_goes_offline_with_the_time_of_the_take_over_also_after_a_hand_over()
    {
        First.BeatAndWrite(Alice, Phone);
        First.Tracker.Shards!.Close(Shard);
        var load = First.Tracker.Shards!.Load(Shard);
        Assert.True(World.TakeOverAsync(load, First).IsCompletedSuccessfully);
        World.Open(load);
        var takenOver = First.Store.Image.Uptime.AliveTime;
        World.PassAndWrite(TimeSpan.FromSeconds(5));

        HandOver();
        Assert.True(Second.List(Alice).Recovering);
        World.PassAndWrite(SessionTimeout);

        Assert.False(Second.StoredOnline(Alice));
        Assert.Equal(takenOver, Second.Store.Image.Get(Second.Service.Sid).FindUser(new UserKey(Alice))!.LastOnlineTime);
    }

    private IReadOnlyList<HandedUser> HandOver(TimeSpan takes = default)
    {
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;
        First.Write();
        var load = Second.Tracker.Shards!.Load(Shard);
        NodesWorld.Send(sealedShard, load, Second);
        var next = 0;
        var users = sealedShard.ListUsers(ref next, 100);
        World.PassAndWrite(takes);
        sealedShard.Release();
        World.Open(load);
        return users;
    }
}
