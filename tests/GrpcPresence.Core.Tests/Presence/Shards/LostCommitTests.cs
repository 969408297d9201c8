using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tests.Presence.Fixture;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence.Shards;

/// <summary>The store lost commits that it had acknowledged. The tracker reads what is stored, and stores again what differs.</summary>
public sealed class LostCommitTests : IDisposable
{
    private readonly NodesWorld _world = new();

    private Shard Shard => _world.ShardOf(Alice);

    private PresenceWorld First => _world.First;

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Durable_a_lost_commit_that_showed_a_user_online_is_repeated_with_steady_heartbeats_only()
    {
        First.BeatAndWrite(Alice, Phone);
        _ = First.End(Alice, Phone);
        First.Write();
        var backup = First.Store.Image;
        First.BeatAndWrite(Alice, Laptop);
        Restore(backup);
        Assert.Same(Task.CompletedTask, First.Beat(Alice, Laptop).Stored); // the tracker cannot know
        First.Write();
        Assert.False(First.StoredOnline(Alice));

        await _world.CheckAsync(Shard, First);

        Assert.True(First.StoredOnline(Alice));
        Assert.Same(Task.CompletedTask, First.Beat(Alice, Laptop).Stored);
        _world.PassAndWrite(SessionTimeout - Limits.Tick);
        Assert.True(First.StoredOnline(Alice));
        _world.PassAndWrite(Limits.Tick);
        Assert.False(First.StoredOnline(Alice));
    }

    [Fact]
    public async Task A_lost_commit_that_showed_a_user_offline_is_repeated()
    {
        First.BeatAndWrite(Alice, Phone);
        var backup = First.Store.Image;
        _ = First.End(Alice, Phone);
        First.Write();
        _world.PassAndWrite(SessionTimeout);
        Assert.Equal(0, First.Tracker.TrackedUsers);
        Restore(backup);
        Assert.True(First.StoredOnline(Alice));

        await _world.CheckAsync(Shard, First);

        Assert.False(First.StoredOnline(Alice));
        Assert.Equal(0, First.Tracker.TrackedUsers);
    }

    [Fact]
    public async Task A_user_that_was_lost_is_created_again_and_its_key_may_be_another_users()
    {
        First.BeatAndWrite(Bob, Phone);
        var backup = First.Store.Image;
        First.BeatAndWrite(Alice, Phone);
        Restore(backup);
        First.BeatAndWrite(Identity.FromTrusted("carol"), Phone); // takes the key that was Alice's
        Assert.Same(Task.CompletedTask, First.Beat(Alice, Phone).Stored);

        await _world.CheckAsync(Shard, First);
        _ = First.End(Alice, Phone);
        First.Write();

        Assert.False(First.StoredOnline(Alice));
        Assert.True(First.StoredOnline(Identity.FromTrusted("carol")));
    }

    [Fact]
    public async Task Final_a_lost_commit_that_ended_a_session_is_repeated_so_that_the_next_holder_knows_the_end()
    {
        EndAndLose();

        await _world.CheckAsync(Shard, First);

        await RequireEndIsKnownToTheNextHolderAsync();
    }

    [Fact]
    public async Task Final_the_end_of_a_session_is_stored_again_also_when_the_store_fails_meanwhile()
    {
        EndAndLose();
        First.Store.Faults.FailCommit(CommitFault.BeforeEffect);
        await _world.CheckAsync(Shard, First);
        Assert.True(First.Status.IsFailing);

        First.Write();

        await RequireEndIsKnownToTheNextHolderAsync();
    }

    [Fact]
    public async Task Final_the_end_of_a_session_is_stored_again_when_commits_are_lost_once_more_before_it_is_stored()
    {
        var backup = EndAndLose();
        First.Tracker.Shards!.Check(Shard);
        First.Store.Faults.FailCommit(CommitFault.BeforeEffect);
        First.Write();

        First.Store.Restore(backup);
        First.Tracker.Shards!.Check(Shard);
        First.Tracker.Shards!.Check(Shard);
        Assert.Equal(1, First.Queue.Count);
        First.Write(); // the writer notices the loss
        First.Write();

        await RequireEndIsKnownToTheNextHolderAsync();
    }

    [Fact]
    public async Task Final_the_end_of_a_session_is_stored_again_when_the_commit_that_repeats_it_is_lost_before_it_completes()
    {
        var backup = EndAndLose();
        First.Tracker.Shards!.Check(Shard);
        var isLost = false;
        _ = First.Queue.SubmitAsync(new UpdateConfiguration(First.Service.Sid, "", before => before with { AutoCreateUsers = false })
        {
            Committed = _ => // before the other commands of the commit complete
            {
                isLost = true;
                First.Store.Restore(backup);
                First.Tracker.Shards!.Check(Shard);
            },
        });
        First.Write();
        Assert.True(isLost);
        First.Write();

        await RequireEndIsKnownToTheNextHolderAsync();
    }

    [Fact]
    public void Durable_a_shard_is_not_settled_before_the_ends_of_its_sessions_are_stored_again()
    {
        EndAndLose();
        First.Tracker.Shards!.Check(Shard);
        var sealedShard = First.Tracker.Shards!.TrySeal(Shard)!;

        Assert.False(sealedShard.IsSettled());
        First.Store.Faults.FailCommit(CommitFault.BeforeEffect);
        First.Write();
        Assert.False(sealedShard.IsSettled());
        First.Write();

        Assert.True(sealedShard.IsSettled());
        Assert.Single(First.Store.Image.Get(First.Service.Sid).EndedSessions);
    }

    [Fact]
    public void Ends_of_sessions_are_queued_while_the_store_fails_until_the_shard_is_closed()
    {
        EndAndLose();
        First.Tracker.Shards!.Check(Shard);
        First.Store.Faults.FailAllOperations(true);
        for (var attempt = 0; attempt < 3; attempt++)
        {
            First.Write();
            Assert.Equal(1, First.Queue.Count);
        }

        First.Tracker.Shards!.Close(Shard);
        First.Write();

        Assert.Equal(0, First.Queue.Count);
    }

    [Fact]
    public async Task Ends_of_sessions_are_queued_once_while_a_comparison_is_repeated()
    {
        First.BeatAndWrite(Alice, Phone);
        _ = First.End(Alice, Phone);
        First.Write();

        for (var attempt = 0; attempt < 3; attempt++)
            First.Tracker.Shards!.Check(Shard);

        Assert.Equal(1, First.Queue.Count);
        await _world.CheckAsync(Shard, First);
        Assert.Equal(0, First.Queue.Count);
    }

    [Fact]
    public async Task A_user_whose_state_is_stored_is_not_written()
    {
        First.BeatAndWrite(Alice, Phone);
        var published = First.Published.Count;

        await _world.CheckAsync(Shard, First);

        Assert.Equal(published, First.Published.Count);
        Assert.Equal(0, First.Queue.Count);
        Assert.Same(Task.CompletedTask, First.Beat(Alice, Phone).Stored);
    }

    [Fact]
    public async Task A_commit_between_the_read_and_the_comparison_is_not_undone()
    {
        First.BeatAndWrite(Alice, Phone);
        var check = First.Tracker.Shards!.Check(Shard);
        var page = await First.Store.ListOnlineUsersAsync(0, 10, TestContext.Current.CancellationToken);
        _ = First.End(Alice, Phone);
        First.Write();

        foreach (var user in page)
            check.Add(First.Service, user);
        check.Complete();
        First.Write();

        Assert.False(First.StoredOnline(Alice));
    }

    [Fact]
    public async Task A_closed_shard_is_not_compared()
    {
        First.BeatAndWrite(Alice, Phone);
        First.Tracker.Shards!.Close(Shard);

        await _world.CheckAsync(Shard, First);

        Assert.Equal(0, First.Tracker.TrackedUsers);
        Assert.True(First.StoredOnline(Alice));
    }

    /// <summary>Begins two sessions of Alice and ends one of them. The commit of the end is lost. Returns the data without it.</summary>
    private StoreImage EndAndLose()
    {
        First.BeatAndWrite(Alice, Laptop);
        First.BeatAndWrite(Alice, Phone);
        var backup = First.Store.Image;
        _ = First.End(Alice, Phone);
        First.Write();
        Restore(backup);
        return backup;
    }

    private async Task RequireEndIsKnownToTheNextHolderAsync()
    {
        First.Tracker.Shards!.Close(Shard); // it dies
        await _world.TakeOverAsync(Shard, _world.Second);

        Assert.Equal(ErrorReason.SessionEnded, _world.Second.Beat(Alice, Phone).Rejection);
        Assert.Null(_world.Second.Beat(Alice, Laptop).Rejection);
    }

    /// <summary>Loses the commits since the backup. The writer notices with its next use of the store.</summary>
    private void Restore(StoreImage backup)
    {
        First.Store.Restore(backup);
        _ = First.Queue.SubmitAsync(new DeleteUser(First.Service.Sid, new UserKey(Identity.FromTrusted("nobody")), ""));
        First.Write();
        First.Write();
    }
}
