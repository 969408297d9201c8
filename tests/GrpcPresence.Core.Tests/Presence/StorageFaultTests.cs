using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tests.Presence.Fixture;
using GrpcPresence.Testing;
using static GrpcPresence.Core.Tests.Presence.Fixture.PresenceWorld;

namespace GrpcPresence.Core.Tests.Presence;

public sealed class StorageFaultTests : IDisposable
{
    private readonly PresenceWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void While_commits_fail_the_queue_does_not_grow_with_heartbeats()
    {
        for (var round = 0; round < 20; round++)
        {
            _ = _world.Beat(Alice, Phone);
            Fail("commit");
            _world.Writer.WriteOnce();
        }

        Assert.InRange(_world.Queue.Count, 1, 2);
    }

    [Theory]
    [InlineData("everything")]
    [InlineData("read")]
    [InlineData("commit")]
    public void While_the_store_fails_leases_stand_and_the_transition_is_written_in_the_end(string fault)
    {
        var first = _world.Beat(Alice, Phone);
        Fail(fault);
        _world.Write();
        var second = _world.Beat(Alice, Phone);
        Fail(fault);
        _world.Write();

        Assert.Equal(ErrorReason.StorageUnavailable, ReasonOf(first.Stored));
        Assert.Equal(ErrorReason.StorageUnavailable, ReasonOf(second.Stored));
        Assert.Equal(["phone"], _world.SessionsOf(Alice));

        _world.Store.Faults.Clear();
        _world.Write();

        Assert.True(_world.StoredOnline(Alice));
        Assert.Same(Task.CompletedTask, _world.Beat(Alice, Phone).Stored);
    }

    [Fact]
    public void Heartbeats_of_users_already_stored_online_are_answered_while_the_store_fails()
    {
        _world.BeatAndWrite(Alice, Phone);
        _world.Store.Faults.FailAllOperations(fail: true);
        _ = _world.Beat(Bob, Phone);
        _world.Write();

        Assert.Same(Task.CompletedTask, _world.Beat(Alice, Phone).Stored);
        Assert.Same(Task.CompletedTask, _world.Beat(Alice, Laptop).Stored);
    }

    [Fact]
    public void A_long_outage_does_not_fill_the_queue_with_entries_of_the_same_user()
    {
        _world.Store.Faults.FailAllOperations(fail: true);
        for (var round = 0; round < 50; round++)
        {
            _ = _world.Beat(Alice, Phone);
            _ = _world.End(Bob, Phone);
            _world.Write();
            _world.Pass(Limits.Tick);
        }
        Assert.InRange(_world.Queue.Count, 1, 2);

        _world.Store.Faults.Clear();
        _world.Write();

        Assert.True(_world.StoredOnline(Alice));
        Assert.Equal(0, _world.Queue.Count);
    }

    [Fact]
    public void Expiries_during_an_outage_are_written_after_it()
    {
        _world.BeatAndWrite(Alice, Phone);
        for (var round = 0; round < 4; round++)
        {
            _world.Store.Faults.FailCommit(CommitFault.BeforeEffect);
            _world.PassAndWrite(SessionTimeout / 3);
        }
        Assert.True(_world.StoredOnline(Alice));

        _world.Store.Faults.Clear();
        _world.Write();

        Assert.False(_world.StoredOnline(Alice));
        Assert.Equal(0, _world.Tracker.TrackedUsers);
    }

    [Fact]
    public void After_the_queue_is_closed_every_caller_gets_an_answer()
    {
        _world.BeatAndWrite(Bob, Phone);
        var queued = _world.Beat(Alice, Phone);
        _world.Queue.Close();

        var shutOut = _world.Beat(Identity.FromTrusted("carol"), Phone);
        var end = _world.End(Bob, Phone);

        Assert.Equal(ErrorReason.ServerStopping, ReasonOf(shutOut.Stored));
        Assert.Equal(ErrorReason.ServerStopping, ReasonOf(end));
        Assert.False(queued.Stored.IsCompleted, "the transition that was queued before is not written yet");
        _world.Write();
        Assert.True(queued.Stored.IsCompletedSuccessfully);
    }

    private void Fail(string fault)
    {
        if (fault == "everything")
            _world.Store.Faults.FailAllOperations(fail: true);
        else if (fault == "read")
            _world.Store.Faults.FailOperation(_world.Status.IsFailing ? 2 : 1); // the writer reopens the store first after an error
        else
            _world.Store.Faults.FailCommit(CommitFault.BeforeEffect);
    }

    private static ErrorReason ReasonOf(Task stored)
    {
        Assert.True(stored.IsFaulted, "the heartbeat did not report the failure");
        return Assert.IsType<PresenceException>(stored.Exception.InnerException, exactMatch: false).Reason;
    }
}
