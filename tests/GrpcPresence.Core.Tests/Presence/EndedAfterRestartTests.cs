using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tests.Presence.Fixture;
using GrpcPresence.Core.Writing.Commands;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence;

/// <summary>Tests that a session stays ended after a restart once its end was acknowledged.</summary>
public sealed class EndedAfterRestartTests : IDisposable
{
    private readonly List<PresenceWorld> _worlds = [];

    public void Dispose() => _worlds.ForEach(world => world.Dispose());

    [Fact]
    public async Task Final_An_ended_session_stays_ended_after_a_restart_until_its_lease_would_have_run_out()
    {
        var before = await StartAsync();
        before.BeatAndWrite(Alice, Phone);
        before.Pass(TimeSpan.FromSeconds(5));
        var ended = before.End(Alice, Phone);
        before.Write();
        await ended;
        before.PassAndWrite(TimeSpan.FromSeconds(10));

        var after = await RestartAsync(before, stopped: TimeSpan.FromHours(1));

        Assert.Equal(ErrorReason.SessionEnded, after.Beat(Alice, Phone).Rejection);
        Assert.False(after.StoredOnline(Alice));
        // 60 s of the lease were left, and the stored uptime may be a second too early.
        after.PassAndWrite(TimeSpan.FromSeconds(59));
        Assert.Equal(ErrorReason.SessionEnded, after.Beat(Alice, Phone).Rejection);
        after.PassAndWrite(TimeSpan.FromSeconds(2));
        Assert.Null(after.Beat(Alice, Phone).Rejection);
    }

    [Fact]
    public async Task Final_The_end_of_a_session_beside_a_live_one_is_answered_when_it_is_stored()
    {
        var before = await StartAsync();
        before.BeatAndWrite(Alice, Phone);
        before.BeatAndWrite(Alice, Laptop);

        var ended = before.End(Alice, Phone);

        Assert.False(ended.IsCompleted);
        before.Write();
        await ended;
        var after = await RestartAsync(before);
        Assert.Equal(ErrorReason.SessionEnded, after.Beat(Alice, Phone).Rejection);
        Assert.Null(after.Beat(Alice, Laptop).Rejection);
    }

    [Fact]
    public async Task Final_The_end_of_a_session_that_cannot_be_stored_is_not_acknowledged()
    {
        var world = await StartAsync();
        world.BeatAndWrite(Alice, Phone);
        world.BeatAndWrite(Alice, Laptop);
        world.Store.Faults.FailOperation(1);

        var ended = world.End(Alice, Phone);
        world.Write();

        await Assert.ThrowsAsync<StorageException>(() => ended);
        Assert.Equal(["laptop"], world.SessionsOf(Alice));
        var again = world.End(Alice, Phone);
        world.Write();
        Assert.True(again.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Final_The_sessions_of_a_deleted_user_stay_ended_as_long_as_the_tombstone_is_kept()
    {
        var world = await StartAsync();
        world.BeatAndWrite(Alice, Phone);
        world.BeatAndWrite(Alice, Laptop);
        world.DeleteUser(Alice);
        world.PassAndWrite(SessionTimeout * 2);

        Assert.Equal(ErrorReason.SessionEnded, world.Beat(Alice, Phone).Rejection);
        world = await RestartAsync(world);
        world.PassAndWrite(SessionTimeout * 2);
        Assert.Equal(ErrorReason.SessionEnded, world.Beat(Alice, Laptop).Rejection);
        Assert.Null(world.StoredOnline(Alice));

        world.BeatAndWrite(Alice, Session("new"));
        Assert.True(world.StoredOnline(Alice));
        Assert.Equal(ErrorReason.SessionEnded, world.Beat(Alice, Phone).Rejection);
        Assert.Equal(["new"], world.SessionsOf(Alice));
    }

    [Fact]
    public async Task Final_A_session_that_begins_while_the_deletion_is_written_stays_ended_too()
    {
        var world = await StartAsync();
        world.BeatAndWrite(Alice, Phone);
        var deletion = world.Queue.SubmitAsync(new DeleteUser(world.Service.Sid, new UserKey(Alice), ""));
        // The writer has decided the deletion and has not committed it.
        _ = world.Queue.SubmitAsync(new UpdateConfiguration(world.Service.Sid, "", configuration =>
        {
            world.Beat(Alice, Laptop);
            return configuration;
        }));
        world.Write();
        await deletion;

        Assert.Equal(ErrorReason.SessionEnded, world.Beat(Alice, Laptop).Rejection);
        world = await RestartAsync(world);
        world.PassAndWrite(SessionTimeout * 2);
        Assert.Equal(ErrorReason.SessionEnded, world.Beat(Alice, Laptop).Rejection);
    }

    [Fact]
    public async Task Final_A_session_that_ended_just_before_its_user_was_deleted_stays_ended_as_long()
    {
        var world = await StartAsync();
        world.BeatAndWrite(Alice, Phone);
        _ = world.End(Alice, Phone);
        world.DeleteUser(Alice);

        world = await RestartAsync(world);
        world.PassAndWrite(SessionTimeout * 2);

        Assert.Equal(ErrorReason.SessionEnded, world.Beat(Alice, Phone).Rejection);
    }

    [Fact]
    public async Task Final_A_live_session_of_a_deleted_user_stays_ended_beside_more_ended_ones_than_are_remembered()
    {
        var world = await StartAsync();
        world.BeatAndWrite(Alice, Phone);
        for (var number = 0; number < Limits.EndedSessionsPerUser; number++)
            _ = world.End(Alice, Session($"s{number}"));
        world.DeleteUser(Alice);

        Assert.Equal(ErrorReason.SessionEnded, world.Beat(Alice, Phone).Rejection);
        world = await RestartAsync(world);
        Assert.Equal(ErrorReason.SessionEnded, world.Beat(Alice, Phone).Rejection);
    }

    [Fact]
    public async Task Final_A_user_that_is_deleted_and_created_again_and_again_has_few_stored_ids()
    {
        var world = await StartAsync();
        for (var round = 0; round < 10; round++)
        {
            for (var number = 0; number < Limits.SessionsPerUser; number++)
                world.Beat(Alice, Session($"{round}-{number}"));
            world.Write();
            world.DeleteUser(Alice);
        }

        Assert.Equal(Limits.EndedSessionsPerUser, world.Store.Image.Get(world.Service.Sid).EndedSessions.Count);
        Assert.Equal(ErrorReason.SessionEnded, world.Beat(Alice, Session("9-0")).Rejection);
    }

    [Fact]
    public async Task Final_Many_ends_of_one_user_are_one_command_and_a_stored_end_is_none()
    {
        var world = await StartAsync();
        world.BeatAndWrite(Alice, Laptop);
        var ends = Enumerable.Range(0, 1_000).Select(number => world.End(Alice, Session($"s{number}"))).ToList();

        Assert.Equal(1, world.Queue.Count);
        world.Write();
        await Task.WhenAll(ends);
        Assert.Equal(Limits.EndedSessionsPerUser, world.Store.Image.Get(world.Service.Sid).EndedSessions.Count);
        Assert.True(world.End(Alice, Session("s999")).IsCompletedSuccessfully);
        Assert.Equal(0, world.Queue.Count);
    }

    [Fact]
    public async Task Final_Only_so_many_deleted_users_of_a_service_instance_are_remembered_beyond_their_leases()
    {
        var world = await StartAsync();
        world.Service.CountDeletedUser(Limits.RememberedDeletedUsers);
        world.BeatAndWrite(Alice, Phone);
        world.DeleteUser(Alice);

        Assert.Equal(ErrorReason.SessionEnded, world.Beat(Alice, Phone).Rejection);
        world.PassAndWrite(SessionTimeout);
        Assert.Null(world.Beat(Alice, Phone).Rejection);
    }

    [Fact]
    public async Task Final_Expired_ends_are_purged_and_no_longer_counted()
    {
        var world = await StartAsync();
        world.BeatAndWrite(Alice, Phone);
        _ = world.End(Alice, Phone);
        world.Write();
        Assert.Single(world.Store.Image.Get(world.Service.Sid).EndedSessions);

        world.PassAndWrite(SessionTimeout); // stores the uptime
        world.PassAndWrite(TimeSpan.FromMinutes(1)); // purges

        Assert.Empty(world.Store.Image.Get(world.Service.Sid).EndedSessions);
        Assert.Equal(0, world.Tracker.TrackedUsers);
    }

    private async Task<PresenceWorld> StartAsync()
    {
        var first = new PresenceWorld();
        _worlds.Add(first);
        return await RestartAsync(first);
    }

    private async Task<PresenceWorld> RestartAsync(PresenceWorld before, TimeSpan stopped = default)
    {
        var after = await before.RestartAsync(stopped);
        _worlds.Add(after);
        return after;
    }
}
