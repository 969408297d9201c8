using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Tests the watches of a node while another node commits, and its messages arrive late, twice, in any order or never.</summary>
public sealed class OtherNodesTests : IDisposable
{
    private readonly World _writer;
    private readonly World _world;
    private CommitRecorder _commits = null!;
    private bool _isConfirmed = true;

    public OtherNodesTests()
    {
        _writer = new World(publisher: hub => _commits = new CommitRecorder(hub));
        _world = new World(_writer.Store.OpenAnotherWriter(), isConfirmed: () => _isConfirmed);
    }

    public void Dispose()
    {
        _world.Dispose();
        _writer.Dispose();
    }

    [Fact]
    public async Task Convergent_commits_of_another_node_that_overtake_each_other_arrive_in_order_without_a_read()
    {
        var service = await NewService("ada", "bob");
        await using var client = await _world.Watch(service);
        await client.Sync();
        var reads = _world.Store.Faults.Reads;
        await _writer.Rename(service, "ada", "first");
        await _writer.Rename(service, "bob", "Bob");
        await _writer.Rename(service, "ada", "second");
        var commits = _commits.Take();

        _world.Hub.Publish([commits[2]]);
        _world.Hub.Publish([commits[1]]);
        var next = client.Next<WatchEvent.Updates>();
        Assert.False(next.IsCompleted);
        _world.Hub.Publish([commits[0]]);

        await next;
        while (client.Users["ada"].Record!.FriendlyName != "second" || client.Users["bob"].Record!.FriendlyName != "Bob")
            await client.Next<WatchEvent.Updates>();
        Assert.Equal(await _writer.Revision(service), client.Token!.Position);
        Assert.Equal(reads, _world.Store.Faults.Reads);
    }

    [Fact]
    public async Task Convergent_a_commit_that_never_arrives_is_read_when_its_time_is_over()
    {
        var service = await NewService("ada", "bob");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _writer.Rename(service, "ada", "Ada");
        await _writer.Rename(service, "bob", "Bob");
        _world.Hub.Publish([_commits.Take()[1]]);

        var reads = _world.Store.Faults.Reads;
        _world.Time.Advance(Limits.CommitPatience - TimeSpan.FromMilliseconds(1));
        Assert.Equal(reads, _world.Store.Faults.Reads);
        _world.Time.Advance(TimeSpan.FromMilliseconds(1));

        var updates = new List<UserUpdate>();
        while (updates.Count < 2)
            updates.AddRange((await client.Next<WatchEvent.Updates>()).Users);
        Assert.Equal(("Ada", "Bob"), (client.Users["ada"].Record!.FriendlyName, client.Users["bob"].Record!.FriendlyName));
    }

    [Fact]
    public async Task Convergent_the_last_commit_that_never_arrives_is_read_when_the_store_shows_its_revision()
    {
        var service = await NewService("ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _writer.Rename(service, "ada", "Ada");

        _world.Hub.NoteRevision(service.Sid, service.Id, await _writer.Revision(service));
        var next = client.NextUpdate();
        Assert.False(next.IsCompleted);
        _world.Time.Advance(Limits.CommitPatience);

        Assert.Equal("Ada", (await next).State.Record!.FriendlyName);
    }

    [Fact]
    public async Task Convergent_a_commit_that_arrives_soon_after_the_store_showed_its_revision_is_not_read()
    {
        var service = await NewService("ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        var reads = _world.Store.Faults.Reads;
        await _writer.Rename(service, "ada", "Ada");

        _world.Hub.NoteRevision(service.Sid, service.Id, await _writer.Revision(service));
        _world.Hub.Publish(_commits.Take());
        _world.Time.Advance(Limits.CommitPatience);

        Assert.Equal("Ada", (await client.NextUpdate()).State.Record!.FriendlyName);
        Assert.Equal(reads, _world.Store.Faults.Reads);
    }

    [Fact]
    public async Task Convergent_a_gap_that_the_store_does_not_show_yet_is_read_again()
    {
        var service = await NewService("ada", "bob");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _writer.Rename(service, "ada", "Ada");
        await _writer.Rename(service, "bob", "Bob");
        _world.Hub.Publish([_commits.Take()[1]]);
        _world.Store.Faults.FailReads(fail: true);
        _world.Time.Advance(Limits.CommitPatience);
        var next = client.Next();
        Assert.False(next.IsCompleted);

        _world.Store.Faults.FailReads(fail: false);
        _world.Advance(Limits.Tick);

        await next;
        while (client.Users["bob"].Record!.FriendlyName != "Bob" || client.Users["ada"].Record!.FriendlyName != "Ada")
            await client.Next();
    }

    [Fact]
    public async Task Convergent_a_switch_in_a_held_commit_takes_the_values_that_a_later_commit_does_not_name()
    {
        var service = await NewService("ada", "bob");
        await _writer.Online(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        _commits.Take();
        await _writer.Rename(service, "bob", "Bob");
        await _writer.Switch(service.Sid, on: false);
        await _writer.Create(service, "cay");
        var commits = _commits.Take();

        foreach (var commit in commits.Reverse())
            _world.Hub.Publish([commit]);

        while (client.Users["ada"].IsOnline is not null || !client.Users.ContainsKey("cay"))
            await client.Next();
        Assert.Equal("Bob", client.Users["bob"].Record!.FriendlyName);
    }

    [Fact]
    public async Task Convergent_a_commit_of_another_node_that_was_decided_before_the_watch_opened_is_read()
    {
        var service = await NewService("ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        _commits.IsWatchedElsewhere = false;
        await _writer.Online(service, "ada");
        Assert.True(_commits.Commits[^1].IsPartial);

        _world.Hub.Publish(_commits.Take());

        Assert.True((await client.NextUpdate()).State.IsOnline);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Snapshot_a_watch_from_now_on_starts_from_the_revision_that_its_opening_read(bool isLost)
    {
        var service = await NewService("ada", "bob", "cay");
        await using var early = await _world.Watch(service);
        await early.Sync();
        await _writer.Rename(service, "ada", "Ada");
        await _writer.Rename(service, "bob", "Bob");
        var late = _commits.Take();
        var opened = await _writer.Revision(service);

        // The feed of this node has not reached the revision that the opening reads.
        await using var client = await _world.Watch(service, now: true);
        var first = client.Next<WatchEvent.ConfigurationChanged>();
        Assert.False(first.IsCompleted);
        _world.Hub.Publish([late[1]]);
        if (!isLost)
            _world.Hub.Publish([late[0]]);
        _world.Advance(2 * Limits.Tick);
        await first;
        var synced = await client.Next<WatchEvent.Synced>();
        Assert.Equal((opened, opened), (synced.At.Base, synced.At.Position));

        await _writer.Rename(service, "cay", "Cay");
        _world.Hub.Publish(_commits.Take());
        Assert.Equal("cay", (await client.NextUpdate()).State.Identity.ToString());
        Assert.True(client.IsQuiet());
    }

    [Fact]
    public async Task Snapshot_a_user_that_changed_before_and_after_the_opening_is_sent_for_a_watch_from_now_on()
    {
        var service = await NewService("ada");
        await using var early = await _world.Watch(service);
        await early.Sync();
        await _writer.Rename(service, "ada", "before");
        await using var client = await _world.Watch(service, now: true);
        var opened = await _writer.Revision(service);
        await _writer.Rename(service, "ada", "after");
        // The gap contains both changes, and the row shows the last one.
        _world.Hub.Publish([_commits.Take()[1]]);
        _world.Time.Advance(Limits.CommitPatience);
        await client.Sync();

        Assert.True(client.Token!.Position >= opened);
        while (client.Users.GetValueOrDefault("ada")?.Record!.FriendlyName != "after")
            await client.Next<WatchEvent.Updates>();
    }

    [Fact]
    public async Task Drained_a_service_instance_that_another_node_deleted_ends_its_watches_at_once()
    {
        var service = await NewService("ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _writer.Rename(service, "ada", "Ada");
        await _writer.Do(new DeleteServiceInstance(service.Sid));

        _world.Hub.Publish([_commits.Take()[^1]]); // the rename is still on its way

        Assert.Equal(ErrorReason.ServiceInstanceNotFound, (await Assert.ThrowsAsync<PresenceException>(client.Next)).Reason);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Drained_a_deletion_that_never_arrived_ends_the_watches_when_the_store_shows_it(bool isSidTaken)
    {
        var service = await NewService("ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _writer.Do(new DeleteServiceInstance(service.Sid));

        if (isSidTaken)
            _world.Hub.NoteRevision(service.Sid, (await _writer.Do(new CreateServiceInstance(service.Sid, ""))).Id, revision: 0);
        else
            _world.Hub.NoteDeletion(service.Sid, service.Id);

        Assert.Equal(ErrorReason.ServiceInstanceNotFound, (await Assert.ThrowsAsync<PresenceException>(client.Next)).Reason);
    }

    [Fact]
    public async Task Drained_a_service_instance_that_took_the_sid_ends_the_watches_of_the_deleted_one()
    {
        var service = await NewService("ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _writer.Do(new DeleteServiceInstance(service.Sid));
        _commits.Take();
        await _writer.Do(new CreateServiceInstance(service.Sid, ""));

        _world.Hub.Publish(_commits.Take()); // the deletion is still on its way

        Assert.Equal(ErrorReason.ServiceInstanceNotFound, (await Assert.ThrowsAsync<PresenceException>(client.Next)).Reason);
    }

    [Fact]
    public async Task Drained_a_gap_is_not_read_from_a_later_service_instance_that_has_the_SID()
    {
        var service = await NewService("ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _writer.Rename(service, "ada", "Ada");
        var revision = await _writer.Revision(service);
        await _writer.Do(new DeleteServiceInstance(service.Sid));
        await _writer.Do(new CreateServiceInstance(service.Sid, ""));

        _world.Hub.NoteRevision(service.Sid, service.Id, revision); // the poll was late
        _world.Time.Advance(Limits.CommitPatience);

        Assert.Equal(ErrorReason.ServiceInstanceNotFound, (await Assert.ThrowsAsync<PresenceException>(client.Next)).Reason);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task OneTimeline_a_deletion_that_is_lost_ends_no_watch(bool isSidTaken)
    {
        var service = await NewService("ada");
        var backup = _writer.Store.Image;
        await _writer.Do(new DeleteServiceInstance(service.Sid));
        if (isSidTaken)
            await _writer.Do(new CreateServiceInstance(service.Sid, ""));
        var lost = _commits.Take()[^1];
        _writer.Store.Restore(backup);
        await using var client = await _world.Watch(service);
        await client.Sync();

        _world.Hub.Publish([lost]); // its hint is late

        Assert.True(client.IsQuiet());
        Assert.Equal([service.Sid], _world.Hub.Watched.Select(watched => watched.Sid));
    }

    [Fact]
    public async Task What_concerns_an_earlier_service_instance_with_the_same_SID_changes_nothing()
    {
        var service = await NewService("ada");
        await _writer.Rename(service, "ada", "Ada");
        var late = _commits.Take();
        await _writer.Do(new DeleteServiceInstance(service.Sid));
        await _writer.Do(new CreateServiceInstance(service.Sid, ""));
        var again = await _world.Services.GetAsync(service.Sid, default);
        await using var client = await _world.Watch(again);
        await client.Sync();

        _world.Hub.Publish(late);
        _world.Hub.NoteRevision(service.Sid, service.Id, late[^1].LastRevision);
        _world.Hub.NoteDeletion(service.Sid, service.Id);
        _world.Time.Advance(Limits.CommitPatience);

        Assert.True(client.IsQuiet());
        Assert.Equal(0, client.Session.Queue.Feed.Revision);
    }

    [Fact]
    public async Task Alive_no_progress_is_sent_while_the_node_is_not_confirmed_and_the_watch_goes_on()
    {
        var service = await NewService("ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        _isConfirmed = false;
        var next = client.Next();
        _world.Advance(2 * Limits.ProgressInterval);
        Assert.False(next.IsCompleted);

        _isConfirmed = true;
        _world.Advance(Limits.Tick);

        Assert.IsType<WatchEvent.Progress>(await next);
    }

    [Fact]
    public async Task Alive_progress_that_was_requested_is_not_sent_once_the_confirmation_has_ended()
    {
        var service = await NewService("ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        client.Session.Queue.RequestProgress(); // by a tick while the node was confirmed
        _isConfirmed = false;

        var next = client.Next();
        Assert.False(next.IsCompleted);
        await _writer.Rename(service, "ada", "Ada");
        _world.Hub.Publish(_commits.Take());

        Assert.IsType<WatchEvent.Updates>(await next);
    }

    [Fact]
    public async Task Watched_service_instances_are_named_and_each_change_is_notified()
    {
        var (one, two) = (await NewService(), await NewService());
        var changed = new List<ServiceSid>();
        _world.Hub.WatchedChanged += changed.Add;

        var first = await _world.Watch(one);
        await using (await _world.Watch(one))
            Assert.Equal([one.Sid], changed);
        await using var other = await _world.Watch(two);
        Assert.Equal([one.Sid, two.Sid], _world.Hub.Watched.Select(watched => watched.Sid));
        await first.DisposeAsync();
        _world.Hub.NoteDeletion(two.Sid, two.Id);

        Assert.Empty(_world.Hub.Watched);
        Assert.Equal([one.Sid, two.Sid, one.Sid, two.Sid], changed);
    }

    [Fact]
    public async Task Resumable_after_lost_commits_every_watch_ends_with_its_token_and_resumes_with_a_reset()
    {
        var (service, client) = await WatchAndLoseACommit();
        await using var watching = client;

        _world.Hub.Reset();

        var ended = await Assert.ThrowsAsync<PresenceException>(client.Next);
        Assert.Equal(ErrorReason.StorageUnavailable, ended.Reason);
        Assert.Equal(client.Token!.Encode(), ended.Details["resume_token"]);
        await using var resumed = await _world.Watch(service, token: client.Token);
        await resumed.Next<WatchEvent.ConfigurationChanged>();
        Assert.Equal(ResetReason.TimelineChanged, (await resumed.Next<WatchEvent.Reset>()).Reason);
        await resumed.Next<WatchEvent.Updates>();
        Assert.Equal("", resumed.Users["ada"].Record!.FriendlyName);
    }

    [Fact]
    public async Task Convergent_a_watch_whose_opening_has_read_lost_commits_reads_again()
    {
        var service = await NewService("ada");
        var backup = _writer.Store.Image;
        await _writer.Rename(service, "ada", "lost");
        _world.Store.Faults.StallAllReads(after: 0);
        var opening = _world.Watch(service);
        _writer.Store.Restore(backup);
        _world.Hub.Reset();
        _world.Store.Faults.Clear();

        await using var client = await opening;
        Assert.Equal(await _writer.Revision(service), client.Session.Queue.Feed.Revision);
    }

    [Fact]
    public async Task OneTimeline_a_gap_that_is_read_after_lost_commits_ends_the_watch()
    {
        var (service, client) = await WatchAndLoseACommit();
        await using var watching = client;
        await Assert.ThrowsAsync<StorageException>(() => _writer.Create(service, "bob"));
        await _writer.Create(service, "bob");
        await _writer.Rename(service, "bob", "found");

        // This node does not know yet that commits are lost.
        _world.Hub.NoteRevision(service.Sid, service.Id, await _writer.Revision(service));
        _world.Time.Advance(Limits.CommitPatience);

        var ended = await Assert.ThrowsAsync<PresenceException>(client.Next);
        Assert.Equal(ErrorReason.StorageUnavailable, ended.Reason);
    }

    [Fact]
    public async Task OneTimeline_a_watch_that_opens_on_a_feed_of_lost_commits_ends()
    {
        var (service, client) = await WatchAndLoseACommit();
        await using var watching = client;

        await using var late = await _world.Watch(service);

        await Assert.ThrowsAsync<StorageException>(late.Next);
    }

    [Fact]
    public async Task OneTimeline_a_snapshot_that_is_read_after_lost_commits_ends_the_watch()
    {
        var service = await NewService("ada");
        await using var client = await _world.Watch(service);
        await client.Next<WatchEvent.ConfigurationChanged>();
        var backup = _writer.Store.Image;
        _writer.Store.Restore(backup);

        await Assert.ThrowsAsync<StorageException>(async () =>
        {
            while (true)
                await client.Next();
        });
    }

    [Fact]
    public async Task A_single_node_starts_no_timer()
    {
        var loses = false;
        using var single = new World(publisher: hub => new LossyPublisher(hub) { Loses = () => loses });
        var service = await single.NewService();
        await single.Create(service, "ada");
        await using var client = await single.Watch(service);
        await client.Sync();
        var timers = single.Time.Timers;
        loses = true;
        await single.Rename(service, "ada", "lost");
        loses = false;
        await single.Create(service, "bob");

        while (client.Users.Count < 2 || client.Users["ada"].Record!.FriendlyName != "lost")
            await client.Next();
        Assert.Equal(timers, single.Time.Timers);
    }

    /// <summary>Opens a watch, and loses the commit of which it was notified. This node does not know that yet.</summary>
    private async Task<(CachedService Service, WatchClient Client)> WatchAndLoseACommit()
    {
        var service = await NewService("ada");
        var client = await _world.Watch(service);
        await client.Sync();
        var backup = _writer.Store.Image;
        await _writer.Rename(service, "ada", "lost");
        _world.Hub.Publish(_commits.Take());
        await client.NextUpdate();
        _writer.Store.Restore(backup);
        return (service, client);
    }

    /// <summary>Creates a service instance with users, which this node knows.</summary>
    private async Task<CachedService> NewService(params string[] users)
    {
        var service = await _writer.NewService();
        foreach (var user in users)
            await _writer.Create(service, user);
        _commits.Take();
        return service;
    }
}
