using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Writing;

/// <summary>The writer decides every command.</summary>
public sealed class CommandWriterTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_batch_takes_gapless_revisions_and_a_rejected_command_does_not_affect_its_neighbours()
    {
        var service = await _world.NewService();
        var before = await _world.Revision(service);
        var ada = _world.Queue.SubmitAsync(NewUser(service, "ada"));
        var again = _world.Queue.SubmitAsync(NewUser(service, "ada"));
        var bob = _world.Queue.SubmitAsync(NewUser(service, "bob"));
        _world.Write();

        Assert.Equal(before + 1, (await ada).Revision);
        Assert.Equal(ErrorReason.UserAlreadyExists, (await Assert.ThrowsAsync<PresenceException>(() => again)).Reason);
        Assert.Equal(before + 2, (await bob).Revision);
        Assert.Equal(before + 2, await _world.Revision(service));
    }

    [Fact]
    public async Task A_change_that_alters_nothing_takes_no_revision()
    {
        var service = await _world.NewService();
        var ada = await _world.Create(service, "ada");
        var before = await _world.Revision(service);
        var same = await _world.Rename(service, "ada", "");
        await _world.Switch(service.Sid, on: true);
        Assert.Equal(ada.Record!.Etag, same.Record!.Etag);
        Assert.Equal(before, await _world.Revision(service));
    }

    [Fact]
    public async Task A_change_is_committed_before_it_is_published_and_published_before_its_caller_is_completed()
    {
        Task<UserState>? ada = null;
        var committed = new List<bool>();
        var completed = new List<bool>();
        using var store = new InMemoryPresenceStore();
        using var world = new World(store, publisher: hub => new PublisherSpy(hub, commit =>
        {
            if (commit.Users.IsEmpty)
                return;
            committed.Add(store.FindServiceAsync(commit.Service.Sid, default).AsTask().Result!.Revision == commit.LastRevision);
            completed.Add(ada!.IsCompleted);
        }));
        var service = await world.NewService();
        ada = world.Queue.SubmitAsync(NewUser(service, "ada"));
        world.Write();
        await ada;
        Assert.Equal([true], committed);
        Assert.Equal([false], completed);
    }

    [Fact]
    public async Task An_outdated_etag_is_rejected_and_presence_never_changes_the_etag()
    {
        var service = await _world.NewService();
        var ada = await _world.Create(service, "ada");
        await _world.Online(service, "ada");
        Assert.Equal(ada.Record!.Etag, (await _world.Get(service, "ada"))!.Record!.Etag);

        var renamed = await _world.Do(Update(service, "ada", ada.Record.Etag, "Ada"));
        Assert.NotEqual(ada.Record.Etag, renamed.Record!.Etag);
        var stale = await Assert.ThrowsAsync<PresenceException>(() => _world.Do(Update(service, "ada", ada.Record.Etag, "other")));
        Assert.Equal(ErrorReason.EtagMismatch, stale.Reason);
        var deletion = await Assert.ThrowsAsync<PresenceException>(
            () => _world.Do(new DeleteUser(service.Sid, World.Key("ada"), ada.Record.Etag)));
        Assert.Equal(ErrorReason.EtagMismatch, deletion.Reason);
    }

    [Fact]
    public async Task An_outdated_etag_is_rejected_also_when_the_change_would_alter_nothing()
    {
        var service = await _world.NewService();
        var ada = await _world.Create(service, "ada");
        await _world.Rename(service, "ada", "Ada");
        var configuration = service.Configuration;
        await _world.Configure(service.Sid, before => before with { AutoCreateUsers = false });

        var user = await Assert.ThrowsAsync<PresenceException>(() => _world.Do(Update(service, "ada", ada.Record!.Etag, "Ada")));
        var settings = await Assert.ThrowsAsync<PresenceException>(
            () => _world.Do(new UpdateConfiguration(service.Sid, configuration.Etag, before => before)));

        Assert.All([user, settings], error => Assert.Equal(ErrorReason.EtagMismatch, error.Reason));
    }

    [Fact]
    public async Task The_current_etag_is_accepted()
    {
        var service = await _world.NewService();
        var ada = await _world.Create(service, "ada");
        var configuration = (await _world.Services.GetAsync(service.Sid, default)).Configuration;

        await _world.Do(new UpdateConfiguration(service.Sid, configuration.Etag, before => before with { AutoCreateUsers = false }));
        var stale = await Assert.ThrowsAsync<PresenceException>(
            () => _world.Do(new UpdateConfiguration(service.Sid, configuration.Etag, before => before with { AutoCreateUsers = true })));
        var renamed = await _world.Do(Update(service, "ada", ada.Record!.Etag, "Ada"));
        await _world.Do(new DeleteUser(service.Sid, World.Key("ada"), renamed.Record!.Etag));

        Assert.Equal(ErrorReason.EtagMismatch, stale.Reason);
        Assert.Null(await _world.Get(service, "ada"));
    }

    [Fact]
    public async Task A_change_has_the_time_of_its_commit_and_presence_leaves_the_time_as_it_is()
    {
        var service = await _world.NewService();
        var created = (await _world.Create(service, "ada")).Record!.UpdateTime;
        _world.Time.Advance(TimeSpan.FromMinutes(1));
        await _world.Online(service, "ada");
        Assert.Equal(created, (await _world.Get(service, "ada"))!.Record!.UpdateTime);

        var user = await _world.Rename(service, "ada", "Ada");
        var configuration = await _world.Configure(service.Sid, before => before with { AutoCreateUsers = false });
        var renamed = await _world.Do(new UpdateServiceInstance(service.Sid, "another"));

        var now = _world.Time.GetUtcNow();
        Assert.Equal((now, now, now), (user.Record!.UpdateTime, configuration.UpdateTime, renamed.UpdateTime));
    }

    [Fact]
    public async Task Settings_that_contradict_each_other_are_rejected_with_every_violation()
    {
        var service = await _world.NewService();
        var error = await Assert.ThrowsAsync<PresenceException>(() => _world.Configure(service.Sid, before => before with
        {
            HeartbeatInterval = TimeSpan.FromMilliseconds(1),
            SessionTimeout = TimeSpan.FromHours(25),
            OfflineDebounce = TimeSpan.FromSeconds(31),
        }));
        Assert.Equal(3, error.Violations.Count);
        Assert.All(error.Violations, violation => Assert.Equal(ErrorReason.FieldOutOfRange, violation.Reason));
    }

    [Fact]
    public async Task A_faulty_change_fails_alone()
    {
        var service = await _world.NewService();
        var faults = new List<Exception>();
        _world.Status.Faulted += faults.Add;
        var ada = _world.Queue.SubmitAsync(NewUser(service, "ada"));
        var faulty = _world.Queue.SubmitAsync(new UpdateConfiguration(service.Sid, "", _ => throw new InvalidOperationException("a bug")));
        var beat = _world.Beat(service, "bob");
        _world.Write();

        Assert.NotNull(await ada);
        Assert.Equal(ErrorReason.Internal, (await Assert.ThrowsAsync<PresenceException>(() => faulty)).Reason);
        Assert.Single(faults);
        await Record.ExceptionAsync(() => beat.Stored); // failed together with it, or stored: the lease stays in both cases
        Assert.True((await _world.Get(service, "bob"))!.IsOnline);
    }

    [Fact]
    public async Task A_failed_commit_fails_its_callers_and_leaves_no_trace()
    {
        var service = await _world.NewService();
        var before = await _world.Revision(service);
        _world.Store.Faults.FailCommit(CommitFault.BeforeEffect);
        var error = await Assert.ThrowsAsync<StorageException>(() => _world.Create(service, "ada"));
        Assert.Equal(ErrorReason.StorageUnavailable, error.Reason);
        Assert.Equal(before, await _world.Revision(service));
        Assert.True(_world.Status.IsFailing);

        Assert.Equal(before + 1, (await _world.Create(service, "ada")).Revision);
        Assert.False(_world.Status.IsFailing);
    }

    [Fact]
    public async Task A_commit_that_reported_failure_but_happened_is_published_and_completes_its_callers()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service, now: true);
        await client.Sync();
        _world.Store.Faults.FailCommit(CommitFault.AfterEffect);
        await _world.Create(service, "ada");
        Assert.Equal(UpdateReasons.Created, (await client.NextUpdate()).Reasons);
    }

    [Fact]
    public async Task A_commit_whose_outcome_stays_unknown_is_published_when_the_store_is_back()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service, now: true);
        await client.Sync();
        _world.Store.Faults.FailCommit(CommitFault.AfterEffect);
        var ada = _world.Queue.SubmitAsync(NewUser(service, "ada"));
        // A read, the commit; then the reopening fails as well.
        _world.Store.Faults.FailOperation(3);
        _world.Writer.WriteOnce();
        Assert.Equal(ErrorReason.StorageUnavailable, (await Assert.ThrowsAsync<StorageException>(() => ada)).Reason);

        await _world.Create(service, "bob");
        Assert.Equal("ada", (await client.NextUpdate()).State.Identity.ToString());
        Assert.Equal("bob", (await client.NextUpdate()).State.Identity.ToString());
    }

    [Fact]
    public async Task Background_changes_do_not_stand_before_callers()
    {
        var service = await _world.NewService();
        var count = (2 * Limits.BackgroundChangesPerBatch) + 1;
        for (var i = 0; i < count; i++)
            _world.Beat(service, $"user-{i}");
        _world.Write();
        _world.Time.Advance(service.Configuration.SessionTimeout);
        for (var i = 0; i < 800; i++)
        {
            _world.Time.Advance(Limits.Tick);
            _world.Tracker.Tick();
        }
        Assert.Equal(count, _world.Queue.Count);
        var ada = _world.Queue.SubmitAsync(NewUser(service, "ada"));
        _world.Writer.WriteOnce();
        Assert.True(ada.IsCompletedSuccessfully);
        Assert.Equal(count - Limits.BackgroundChangesPerBatch, _world.Queue.Count);
    }

    [Fact]
    public async Task A_closed_queue_rejects_callers_and_writes_queued_commands()
    {
        var service = await _world.NewService();
        var ada = _world.Queue.SubmitAsync(NewUser(service, "ada"));
        _world.Queue.Close();
        var late = await Assert.ThrowsAsync<PresenceException>(() => _world.Queue.SubmitAsync(NewUser(service, "bob")));
        Assert.Equal(ErrorReason.ServerStopping, late.Reason);
        _world.Writer.Run(CancellationToken.None);
        Assert.Equal("ada", (await ada).Identity.ToString());
    }

    [Fact]
    public async Task Settings_at_their_bounds_are_taken()
    {
        var service = await _world.NewService();
        foreach (var debounce in new[] { TimeSpan.Zero, Limits.MaxOfflineDebounce })
        {
            await _world.Configure(service.Sid, before => before with
            {
                HeartbeatInterval = Limits.MinHeartbeatInterval,
                SessionTimeout = Limits.MinHeartbeatInterval * 2,
                OfflineDebounce = debounce,
            });
            Assert.Equal(debounce, service.Configuration.OfflineDebounce);
        }
        await _world.Configure(service.Sid, before => before with { SessionTimeout = Limits.MaxSessionTimeout });
        Assert.Equal(Limits.MaxSessionTimeout, service.Configuration.SessionTimeout);
    }

    [Fact]
    public async Task The_rows_of_a_deleted_service_instance_are_purged_batch_after_batch_without_waiting()
    {
        var service = await _world.NewService();
        for (var i = 0; i < Limits.RowsPerPurge + 1; i++)
            _ = _world.Queue.SubmitAsync(new CreateUser(service.Sid, World.Id($"user-{i}"), "", "{}", default));
        _world.Write();
        // The last purge found no rows, which would otherwise prevent another for a minute.
        Assert.Equal(WriteOutcome.Idle, _world.Writer.WriteOnce());
        await _world.Do(new DeleteServiceInstance(service.Sid));

        Assert.Equal(WriteOutcome.Written, _world.Writer.WriteOnce());
        while (_world.Writer.WriteOnce() == WriteOutcome.Written)
        {
        }
    }

    [Fact]
    public async Task An_etag_is_another_where_the_revision_came_again_after_a_restored_backup()
    {
        var service = await _world.NewService();
        var user = (await _world.Create(service, "ada")).Record!;
        Assert.NotEqual(user.Etag, (user with { UpdateTime = user.UpdateTime.AddTicks(1) }).Etag);
    }

    [Fact]
    public async Task A_deleted_service_instance_is_gone_at_once_and_its_sid_may_be_used_again()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        await _world.Do(new DeleteServiceInstance(service.Sid));
        Assert.Null(await _world.Store.FindServiceAsync(service.Sid, default));
        Assert.True(service.IsDeleted);
        Assert.Equal(ErrorReason.ServiceInstanceNotFound, _world.Beat(service, "ada").Rejection);
        await Assert.ThrowsAsync<PresenceException>(async () => await _world.Services.GetAsync(service.Sid, default));

        await _world.Do(new CreateServiceInstance(service.Sid, "again"));
        var again = await _world.Services.GetAsync(service.Sid, default);
        Assert.NotEqual(service.Id, again.Id);
        Assert.False(again.Configuration.ReachabilityEnabled);
        Assert.Null(await _world.Get(again, "ada"));
    }

    private static CreateUser NewUser(CachedService service, string identity) =>
        new(service.Sid, World.Id(identity), "", "{}", default);

    private static UpdateUser Update(CachedService service, string identity, string etag, string name) =>
        new(service.Sid, World.Key(identity), identity: null, etag, new UserEdit(name, null, null));
}
