using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Tests that a feed which missed a batch reads the missing range from the store.</summary>
public sealed class GapTests : IDisposable
{
    private readonly World _world;
    private LossyPublisher _publisher = null!;

    public GapTests() => _world = new World(publisher: hub => _publisher = new LossyPublisher(hub));

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Convergent_a_lost_batch_is_read_when_the_next_one_shows_the_gap()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await _world.Create(service, "bob");
        await _world.Create(service, "cay");
        await using var client = await _world.Watch(service);
        await client.Sync();
        var before = client.Token!.Position;
        _publisher.Loses = () => true;
        await _world.Online(service, "ada");
        await _world.Delete(service, "bob");
        await _world.Rename(service, "ada", "Ada");
        _publisher.Loses = () => false;
        await _world.Rename(service, "cay", "Cay");

        var updates = new List<UserUpdate>();
        while (updates.Count < 3)
        {
            // A row shows only its last change, so no bookmark may reach into the gap before its users are delivered.
            var message = await client.Next<WatchEvent.Updates>();
            updates.AddRange(message.Users);
            Assert.True(updates.Count == 3 || message.Token!.Position == before);
        }
        var reasons = updates.ToDictionary(update => update.State.Identity.ToString(), update => update.Reasons);
        Assert.Equal(UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline, reasons["ada"]);
        Assert.Equal(UpdateReasons.Deleted, reasons["bob"]);
        Assert.Equal(UpdateReasons.FriendlyName, reasons["cay"]);
        Assert.Equal(await _world.Revision(service), client.Token!.Position);
    }

    [Fact]
    public async Task Convergent_a_commit_that_was_decided_before_the_watch_opened_is_read()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service, now: true);
        await client.Sync();
        // The writer decided to read no whole users, and the watch opened before the commit.
        _publisher.Needs = _ => false;
        await _world.Online(service, "ada");

        var update = await client.NextUpdate();
        Assert.Equal((true, UpdateReasons.ReachabilityOnline), (update.State.IsOnline, update.Reasons));
        Assert.Equal("ada", update.State.Identity.ToString());
    }

    [Fact]
    public async Task Convergent_a_watch_that_reads_past_a_lost_batch_makes_the_feed_read_it()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var early = await _world.Watch(service);
        await early.Sync();
        _publisher.Loses = () => true;
        await _world.Rename(service, "ada", "Ada");

        // The second watch reads its snapshot at a revision that the feed has not reached. So it waits until the feed has read the gap.
        await using var late = await _world.Watch(service);
        await late.Next<WatchEvent.ConfigurationChanged>();
        await late.Next<WatchEvent.Reset>();
        var page = late.Next<WatchEvent.Updates>();
        Assert.False(page.IsCompleted);
        _world.Advance(2 * Limits.Tick);
        await page;
        Assert.Equal("Ada", late.Users["ada"].Record!.FriendlyName);
        Assert.Equal(UpdateReasons.FriendlyName, (await early.NextUpdate()).Reasons);
        await late.Next<WatchEvent.Synced>();
        Assert.True(late.IsQuiet());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Convergent_a_change_between_the_first_read_and_the_attaching_reaches_a_watch_without_a_snapshot(bool resumes)
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        ResumeToken token;
        await using (var before = await _world.Watch(service))
        {
            await before.Sync();
            token = before.Token!;
        }
        // No watch is open now, so no feed receives the batch.
        _world.Store.Faults.StallAllReads(after: 0);
        var request = new WatchRequest(service.Sid, new WatchFilter([], UpdateReasons.None, UserView.Full), StartNow: !resumes,
            resumes ? token : null);
        var opening = _world.Hub.OpenAsync(request, _world.Store, default).AsTask();
        var renamed = _world.Queue.SubmitAsync(
            new UpdateUser(service.Sid, World.Key("ada"), identity: null, etag: "", new UserEdit("Ada", null, null)));
        _world.Writer.WriteOnce();
        _world.Store.Faults.Clear();
        await renamed;

        await using var client = new WatchClient(await opening);
        var first = client.Next<WatchEvent.ConfigurationChanged>();
        _world.Advance(2 * Limits.Tick);
        await first;
        while (!client.Users.ContainsKey("ada"))
            await client.Next();

        Assert.Equal("Ada", client.Users["ada"].Record!.FriendlyName);
    }

    [Fact]
    public async Task Resumable_a_watch_that_resumes_while_a_gap_of_more_than_a_page_is_read_receives_every_user()
    {
        var service = await _world.NewService();
        await using var first = await _world.Watch(service, now: true);
        await first.Sync();
        var token = first.Token!;
        _publisher.Loses = () => true;
        const int lost = Limits.WatchPageSize + 100;
        for (var i = 0; i < lost; i++)
            await _world.Create(service, $"user-{i}");
        _publisher.Loses = () => false;
        // The feed offers the first page of the gap to the queues, and waits for the second one.
        _world.Store.Faults.StallAllReads(after: 1);
        await _world.Create(service, "last");
        Assert.True(_world.Store.Faults.AreReadsHanging);
        _world.Store.Faults.StallAllReads(after: int.MaxValue);

        await using var resumed = await _world.Watch(service, token: token);
        var synced = resumed.Sync();
        Assert.False(synced.IsCompleted);
        _world.Store.Faults.ReleaseRead(0);
        await synced;

        Assert.Equal(lost + 1, resumed.Users.Count);
    }

    [Fact]
    public async Task Bookmarkable_no_token_reaches_into_a_gap_before_all_its_users_are_delivered()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service);
        await client.Sync();
        var before = client.Token!.Position;
        _publisher.Loses = () => true;
        for (var i = 0; i < Limits.WatchUpdatesPerMessage; i++)
            await _world.Create(service, $"user-{i}");
        _publisher.Loses = () => false;
        await _world.Create(service, "last");

        Assert.Equal(before, (await client.Next<WatchEvent.Updates>()).Token!.Position);
        Assert.Equal(await _world.Revision(service), (await client.Next<WatchEvent.Updates>()).Token!.Position);
    }

    [Fact]
    public async Task Convergent_a_lost_switch_still_removes_the_old_values()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        _publisher.Loses = () => true;
        await _world.Switch(service.Sid, on: false);
        await _world.Offline(service, "ada");
        await _world.Switch(service.Sid, on: true);
        _publisher.Loses = () => false;
        await _world.Create(service, "bob");

        while (client.Users["ada"].IsOnline is not null || !client.Users.ContainsKey("bob"))
            await client.Next();
    }

    [Fact]
    public async Task Convergent_reading_the_gap_is_tried_again_when_the_store_fails()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        _publisher.Loses = () => true;
        await _world.Rename(service, "ada", "Ada");
        _publisher.Loses = () => false;
        _world.Store.Faults.FailReads(fail: true);
        await _world.Create(service, "bob");
        var next = client.Next();
        _world.Advance(Limits.Tick);
        Assert.False(next.IsCompleted);
        _world.Store.Faults.FailReads(fail: false);
        _world.Advance(Limits.Tick);
        await next;
        while (client.Users.Count < 2)
            await client.Next();
        Assert.Equal("Ada", client.Users["ada"].Record!.FriendlyName);
    }

    [Fact]
    public async Task A_gap_that_cannot_be_read_for_a_fault_of_the_program_ends_the_watches_and_the_next_one_is_whole()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service);
        await client.Sync();
        Exception? reported = null;
        _world.Status.Faulted += fault => reported = fault;
        _publisher.Loses = () => true;
        await _world.Create(service, "ada");
        _publisher.Loses = () => false;
        var bug = new InvalidOperationException("A bug.");
        _world.Store.Faults.BreakReads(bug);
        await _world.Create(service, "bob");

        var ended = await Assert.ThrowsAsync<PresenceException>(client.Next);
        Assert.Equal(ErrorReason.Internal, ended.Reason);
        Assert.Equal(client.Token!.Encode(), ended.Details["resume_token"]);
        Assert.Same(bug, reported);

        _world.Store.Faults.Clear();
        await using var next = await _world.Watch(service, token: client.Token);
        await next.Sync();
        Assert.Equal(["ada", "bob"], next.Users.Keys.Order());
    }
}
