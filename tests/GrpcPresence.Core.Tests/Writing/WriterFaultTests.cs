using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Writing;

/// <summary>What the writer guarantees when the outcome of commits is unknown, and at its end.</summary>
public sealed class WriterFaultTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_deletion_whose_commit_was_in_doubt_and_happened_ends_the_sessions_of_its_user()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        _world.Store.Faults.FailCommit(CommitFault.AfterEffect);
        var deleted = _world.Queue.SubmitAsync(new DeleteUser(service.Sid, World.Key("ada"), etag: ""));
        // A read, the commit; then the reopening fails as well.
        _world.Store.Faults.FailOperation(3);
        _world.Writer.WriteOnce();
        await Assert.ThrowsAsync<StorageException>(() => deleted);
        await _world.Create(service, "bob");

        Assert.Null(await _world.Get(service, "ada"));
        Assert.Equal(ErrorReason.SessionEnded, _world.Beat(service, "ada").Rejection);
        await _world.Online(service, "ada", "another");
        Assert.True((await _world.Get(service, "ada"))!.IsOnline);
    }

    [Fact]
    public async Task Switching_on_by_a_commit_that_was_in_doubt_and_happened_brings_live_sessions_online()
    {
        var service = await _world.NewService(reachability: false);
        await _world.Online(service, "ada");
        _world.Store.Faults.FailCommit(CommitFault.AfterEffect);
        var switched = _world.Queue.SubmitAsync(
            new UpdateConfiguration(service.Sid, "", before => before with { ReachabilityEnabled = true }));
        // A read, the commit; then the reopening fails as well.
        _world.Store.Faults.FailOperation(3);
        _world.Writer.WriteOnce();
        await Assert.ThrowsAsync<StorageException>(() => switched);
        await _world.Create(service, "bob");
        _world.Write();
        Assert.True((await _world.Get(service, "ada"))!.IsOnline);
    }

    [Fact]
    public async Task A_caller_whose_user_changes_again_during_the_commit_is_answered()
    {
        var service = await _world.NewService();
        _world.Store.Faults.FailOperation(1);
        var failed = _world.Beat(service, "ada");
        _world.Writer.WriteOnce(); // leaves an entry in the background lane
        await Assert.ThrowsAsync<StorageException>(() => failed.Stored);
        var online = _world.Beat(service, "ada");
        Task? offline = null;
        var ada = new UserRef(World.Id("ada"), Sid: null, MayCreate: false);
        _ = _world.Queue.SubmitAsync(new UpdateConfiguration(service.Sid, "", before =>
        {
            offline ??= _world.Tracker.EndSession(service, ada, World.Session("s1"));
            return before;
        }));
        _world.Write();
        Assert.True(online.Stored.IsCompletedSuccessfully, "The heartbeat has no answer.");
        await offline!;
        Assert.False((await _world.Get(service, "ada"))!.IsOnline);
    }

    [Fact]
    public async Task A_change_that_was_queued_during_a_commit_is_written_although_the_queue_is_closed_before_its_commit()
    {
        var service = await _world.NewService();
        _world.Store.Faults.FailOperation(1);
        var failed = _world.Beat(service, "ada");
        _world.Writer.WriteOnce(); // leaves an entry in the background lane
        await Assert.ThrowsAsync<StorageException>(() => failed.Stored);
        var online = _world.Beat(service, "ada");
        var isClosed = false;
        _ = _world.Queue.SubmitAsync(new UpdateConfiguration(service.Sid, "", before =>
        {
            // The lease expires while the commit holds the state, and the expiry uses the entry in the background lane.
            for (var left = service.Configuration.SessionTimeout; left >= TimeSpan.Zero && !isClosed; left -= Limits.Tick)
            {
                _world.Time.Advance(Limits.Tick);
                _world.Tracker.Tick();
            }
            isClosed = true;
            _world.Queue.Close();
            return before;
        }));
        _world.Writer.Run(CancellationToken.None);
        Assert.True(online.Stored.IsCompletedSuccessfully, "The heartbeat has no answer.");
        Assert.False((await _world.Get(service, "ada"))!.IsOnline);
    }

    [Fact]
    public async Task What_is_queued_just_before_the_queue_is_closed_is_still_written()
    {
        var service = await _world.NewService();
        Task? ada = null;
        var time = new LookedAtTime(() =>
        {
            // The writer has found the queue empty, and has not yet checked whether it is closed.
            ada ??= _world.Queue.SubmitAsync(new CreateUser(service.Sid, World.Id("ada"), "", "{}", default));
            _world.Queue.Close();
        });
        var writer = new CommandWriter(
            _world.Store, _world.Queue, _world.Services, _world.Tracker, [_world.Hub], _world.Keys, _world.Status,
            _world.Metrics, time, TimeSpan.FromDays(30),
            int.MaxValue);
        writer.Run(CancellationToken.None);
        Assert.True(ada!.IsCompletedSuccessfully, "The command was queued but not written.");
    }

    [Fact(Timeout = 20_000)]
    public async Task StoreAway_Callers_get_the_error_at_once_while_an_attempt_to_reopen_the_store_is_not_answered()
    {
        var stop = TestContext.Current.CancellationToken;
        var service = await _world.NewService();
        var before = _world.Beat(service, "ada");
        _world.Write();
        _world.Store.Faults.FailAllOperations(true);
        _world.Writer.WriteOnce(); // a trial, which fails
        var failed = _world.Queue.SubmitAsync(new CreateServiceInstance(sid: null, "failed"));
        _world.Writer.WriteOnce();
        await Assert.ThrowsAsync<StorageException>(() => failed);
        _world.Writer.WriteOnce(); // the store cannot be reopened, so it is away

        _world.Store.Faults.FailAllOperations(false);
        var works = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _world.Status.Changed += error => works.TrySetResult();
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var attempt = _world.Store.Faults.DelayReopening(answer.Task);
        _world.StartWriter();
        try
        {
            await attempt;
            await Assert.ThrowsAsync<StorageException>(
                () => _world.Queue.SubmitAsync(new CreateServiceInstance(sid: null, "rejected")).WaitAsync(stop));
            await Assert.ThrowsAsync<StorageException>(() => _world.Beat(service, "bob").Stored.WaitAsync(stop));
        }
        finally
        {
            answer.SetResult();
        }
        await works.Task.WaitAsync(stop);
        await before.Stored;
        await _world.Queue.SubmitAsync(new CreateUser(service.Sid, World.Id("carol"), "", "{}", default)).WaitAsync(stop);
        await _world.Beat(service, "bob").Stored.WaitAsync(stop);
    }

    [Fact]
    public async Task A_store_that_purges_again_is_not_reported_as_failing_any_more()
    {
        await _world.NewService();
        _world.Write();
        _world.Time.Advance(TimeSpan.FromMinutes(2));
        _world.Store.Faults.FailOperation(1);
        Assert.Equal(WriteOutcome.Failed, _world.Writer.WriteOnce());
        Assert.True(_world.Status.IsFailing);
        _world.Time.Advance(TimeSpan.FromMinutes(2));
        _world.Writer.WriteOnce();
        Assert.False(_world.Status.IsFailing);
    }

    [Fact]
    public async Task A_failed_store_is_tried_until_a_commit_succeeds_although_no_command_waits()
    {
        await _world.NewService();
        _world.Write();
        _world.Store.Faults.FailOperation(1);
        var rejected = _world.Queue.SubmitAsync(new CreateServiceInstance(sid: null, "refused"));
        Assert.Equal(WriteOutcome.Failed, _world.Writer.WriteOnce());
        await Assert.ThrowsAsync<StorageException>(() => rejected);

        // The store can be read even if the disk is full.
        _world.Store.Faults.FailCommit(CommitFault.BeforeEffect);
        Assert.Equal(WriteOutcome.Failed, _world.Writer.WriteOnce());
        Assert.True(_world.Status.IsFailing);

        Assert.Equal(WriteOutcome.Written, _world.Writer.WriteOnce());
        Assert.False(_world.Status.IsFailing);
        Assert.Equal(WriteOutcome.Idle, _world.Writer.WriteOnce());
    }

    [Fact]
    public async Task A_closed_queue_with_nothing_in_it_is_not_waited_for_although_the_store_fails()
    {
        await _world.NewService();
        _world.Store.Faults.FailAllOperations(true);
        var rejected = _world.Queue.SubmitAsync(new CreateServiceInstance(sid: null, "refused"));
        _world.Queue.Close();

        _world.Writer.Run(TestContext.Current.CancellationToken);

        await Assert.ThrowsAsync<StorageException>(() => rejected);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_flag_that_counts_is_the_one_of_the_batch(bool exists)
    {
        var service = await _world.NewService();
        if (exists)
            await _world.Create(service, "ada");
        _ = _world.Queue.SubmitAsync(new UpdateConfiguration(service.Sid, "", before => before with { ReachabilityEnabled = false }));
        var beat = _world.Beat(service, "ada");
        _world.Writer.WriteOnce();
        await beat.Stored;
        Assert.Equal(0, (await _world.Get(service, "ada"))!.Record!.OnlineRevision);
    }

    [Fact]
    public async Task A_commit_that_was_in_doubt_is_published_also_when_nothing_follows_it_in_its_service_instance()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service, now: true);
        await client.Sync();
        await LeaveCreationInDoubt(service);
        await _world.NewService();
        Assert.Equal("ada", (await client.NextUpdate()).State.Identity.ToString());
    }

    [Fact]
    public async Task A_commit_in_doubt_is_published_once_although_reopening_fails_several_times_and_others_fail_meanwhile()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service, now: true);
        await client.Sync();
        await LeaveCreationInDoubt(service);
        _world.Store.Faults.FailAllOperations(true);
        for (var i = 0; i < 3; i++)
        {
            var bob = _world.Queue.SubmitAsync(new CreateUser(service.Sid, World.Id("bob"), "", "{}", default));
            Assert.Equal(WriteOutcome.Failed, _world.Writer.WriteOnce());
            await Assert.ThrowsAsync<StorageException>(() => bob);
        }
        _world.Store.Faults.FailAllOperations(false);

        await _world.Create(service, "cay");

        Assert.Equal("ada", (await client.NextUpdate()).State.Identity.ToString());
        Assert.Equal("cay", (await client.NextUpdate()).State.Identity.ToString());
    }

    [Fact]
    public async Task A_heartbeat_by_identity_is_decided_separately_while_one_by_a_deleted_SID_is_rejected()
    {
        World world = null!;
        HeartbeatResult? byIdentity = null;
        Action? beat = null;
        using (world = new World(publisher: hub => new PublisherSpy(hub, _ => beat?.Invoke())))
        {
            var service = await world.NewService();
            var deleted = (await world.Create(service, "ada")).Sid;
            await world.Delete(service, "ada");
            // The decision is committed, but the tracked user has not been notified of it yet.
            beat = () => byIdentity ??= world.Beat(service, "ada");
            var bySid = world.Tracker.Beat(
                service, new UserRef(World.Id("ada"), deleted, MayCreate: false), World.Session("s0"), stream: null);
            await world.Create(service, "bob");
            world.Write();

            Assert.Equal(ErrorReason.UserNotFound, (await Assert.ThrowsAsync<PresenceException>(() => bySid.Stored)).Reason);
            await byIdentity!.Value.Stored;
            Assert.True((await world.Get(service, "ada"))!.IsOnline);
        }
    }

    [Fact]
    public async Task A_heartbeat_of_a_deleted_service_instance_creates_no_user_in_the_one_that_takes_its_SID()
    {
        var service = await _world.NewService();
        _ = _world.Queue.SubmitAsync(new DeleteServiceInstance(service.Sid));
        _ = _world.Queue.SubmitAsync(new CreateServiceInstance(service.Sid, "again"));
        var beat = _world.Beat(service, "ada");
        _world.Write();
        Assert.Equal(ErrorReason.ServiceInstanceNotFound, (await Assert.ThrowsAsync<PresenceException>(() => beat.Stored)).Reason);
        var again = await _world.Services.GetAsync(service.Sid, default);
        Assert.NotEqual(service.Id, again.Id);
        Assert.Null(await _world.Get(again, "ada"));
    }

    [Fact]
    public async Task A_fault_after_a_commit_ends_the_writer_and_decides_nothing_a_second_time()
    {
        var service = await _world.NewService();
        var commits = _world.Store.Image.LastCommit;
        var ada = _world.Queue.SubmitAsync(new CreateUser(service.Sid, World.Id("ada"), "", "{}", default)
        {
            Committed = _ => throw new InvalidOperationException("The audit log was made to fail."),
        });
        var bob = _world.Queue.SubmitAsync(new CreateUser(service.Sid, World.Id("bob"), "", "{}", default));

        Assert.Throws<InvalidOperationException>(() => _world.Writer.WriteOnce());

        Assert.Equal(commits + 1, _world.Store.Image.LastCommit);
        Assert.False(bob.IsFaulted);
        Assert.True(ada.IsCompletedSuccessfully, "The caller of a command that is committed has no answer.");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_command_that_throws_fails_alone_and_its_neighbours_are_written_once(bool doesTheStoreFail)
    {
        var service = await _world.NewService();
        var before = await _world.Revision(service);
        var ada = _world.Queue.SubmitAsync(new CreateUser(service.Sid, World.Id("ada"), "", "{}", default));
        var cay = _world.Beat(service, "cay");
        var faulty = _world.Queue.SubmitAsync(
            new UpdateConfiguration(service.Sid, "", _ => throw new InvalidOperationException("The edit was made to fail.")));
        var bob = _world.Queue.SubmitAsync(new CreateUser(service.Sid, World.Id("bob"), "", "{}", default));
        var faults = 0;
        _world.Status.Faulted += _ => faults++;
        // The read of the batch, and then the reopening for the first command by itself.
        if (doesTheStoreFail)
            _world.Store.Faults.FailOperation(2);
        _world.Writer.WriteOnce();

        Assert.Equal(ErrorReason.Internal, (await Assert.ThrowsAsync<PresenceException>(() => faulty)).Reason);
        Assert.Equal(1, faults);
        if (doesTheStoreFail)
            await Assert.ThrowsAsync<StorageException>(() => ada);
        else
            Assert.Equal(before + 1, (await ada).Revision);
        await cay.Stored;
        Assert.Equal(before + (doesTheStoreFail ? 2 : 3), (await bob).Revision);
    }

    [Fact]
    public async Task A_commit_in_doubt_does_not_bring_back_a_state_that_the_store_did_not_find_by_its_key()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        var ada = (await _world.Get(service, "ada"))!;
        var revision = await _world.Revision(service);
        using var next = new World(_world.Store);
        var again = await next.Services.GetAsync(service.Sid, default);
        next.Tracker.Resume(default);
        next.Tracker.Start();
        next.Tracker.Recover(
            again, new StoredOnlineUser(RowKeys.Of(service.Id, 1000), service.Sid, ada.Sid, ada.Identity, TimeSpan.Zero));
        next.Writer.WriteOnce();
        for (var passed = TimeSpan.Zero; next.Queue.Count == 0 && passed < again.Configuration.SessionTimeout * 2; passed += Limits.Tick)
        {
            next.Time.Advance(Limits.Tick);
            next.Tracker.Tick();
        }
        // The lease has expired. The commit that does not find the user happens, but reports failure, and so does the reopening.
        Assert.Equal(1, next.Queue.Count);
        next.Store.Faults.FailCommit(CommitFault.AfterEffect);
        next.Store.Faults.FailOperation(3);
        Assert.Equal(WriteOutcome.Failed, next.Writer.WriteOnce());
        var beat = next.Beat(again, "ada");
        next.Write();
        await beat.Stored;

        // The expired state would otherwise be stored after the heartbeat.
        Assert.True((await next.Get(again, "ada"))!.IsOnline);
        Assert.Equal(revision, await next.Revision(again));
    }

    [Fact]
    public async Task A_commit_that_did_not_store_the_uptime_does_not_delay_it()
    {
        await _world.NewService();
        _world.Tracker.Resume(default);
        _world.Tracker.Start();
        _world.Write();
        _world.Writer.WriteOnce();
        _world.Time.Advance(Limits.UptimeInterval);
        _world.Store.Faults.FailCommit(CommitFault.BeforeEffect);
        Assert.Equal(WriteOutcome.Failed, _world.Writer.WriteOnce());

        Assert.NotEqual(WriteOutcome.Failed, _world.Writer.WriteOnce());

        Assert.Equal(_world.Time.GetUtcNow(), _world.Store.Image.Uptime.AliveTime);
    }

    [Fact]
    public async Task A_commit_whose_directory_was_stale_stores_the_uptime_when_it_is_made_again()
    {
        await _world.NewService();
        _world.Tracker.Resume(default);
        _world.Tracker.Start();
        _world.Writer.WriteOnce();
        _world.Time.Advance(Limits.UptimeInterval);
        _world.Store.Faults.MakeNextCommitStale();

        await _world.NewService();

        Assert.Equal(_world.Time.GetUtcNow(), _world.Store.Image.Uptime.AliveTime);
    }

    /// <summary>A clock that stands still and reports when it is read.</summary>
    private sealed class LookedAtTime(Action look) : TimeProvider
    {
        public override long GetTimestamp()
        {
            look();
            return 0;
        }
    }

    /// <summary>Creates ada by a commit that happens, and whose outcome is unknown because the reopening fails as well.</summary>
    private async Task LeaveCreationInDoubt(CachedService service)
    {
        _world.Store.Faults.FailCommit(CommitFault.AfterEffect);
        var ada = _world.Queue.SubmitAsync(new CreateUser(service.Sid, World.Id("ada"), "", "{}", default));
        // A read, the commit; then the reopening.
        _world.Store.Faults.FailOperation(3);
        _world.Writer.WriteOnce();
        await Assert.ThrowsAsync<StorageException>(() => ada);
    }
}
