using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>
/// Tests that a watch which reads from the store names no change that it has sent on this stream. A message holds one user, and a page one.
/// </summary>
public sealed class RepetitionTests : IDisposable
{
    private const int PendingUsers = 4;

    private readonly World _world;
    private LossyPublisher _publisher = null!;

    public RepetitionTests() => _world = new World(
        publisher: hub => _publisher = new LossyPublisher(hub),
        sizes: new WatchSizes(PendingUsers, Page: 1),
        userBytes: Limits.WatchMessageBytes);

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Reasoned_a_live_catch_up_repeats_no_reason_that_was_sent_above_its_token(bool inOneBatch)
    {
        var service = await NewService("ada", "bob", "cay", "dan", "eve");
        await using var client = await _world.Watch(service);
        await client.Sync();
        // Ada keeps her place before bob, so the token stays below his change when she is sent.
        Rename(service, "ada");
        WriteUnless(inOneBatch);
        Rename(service, "bob");
        WriteUnless(inOneBatch);
        await _world.Online(service, "ada");
        var update = await client.NextUpdate();
        Assert.Equal(
            ("ada", UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline), (update.State.Identity.ToString(), update.Reasons));
        Assert.True(client.Token!.Position < update.State.Record!.OnlineRevision - 1);

        foreach (var other in new[] { "cay", "dan", "eve" })
            await _world.Rename(service, other, "renamed");
        Assert.Equal(0, _world.Hub.PendingUsers); // an overflow has dropped them
        var updates = await _world.ReadAll(client, service);

        Assert.DoesNotContain(updates, update => update.Identity == "ada");
        await _world.Bind(service, "ada", "token");
        Assert.Equal(UpdateReasons.ReachabilityNotifiable, (await client.NextUpdate()).Reasons);
    }

    [Fact]
    public async Task Reasoned_a_user_that_was_sent_above_the_token_and_changes_before_the_catch_up_has_the_new_reason_alone()
    {
        var service = await NewService("ada", "bob", "cay", "dan", "eve", "fay");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _world.Rename(service, "ada", "Ada");
        await _world.Rename(service, "bob", "Bob");
        await _world.Online(service, "ada");
        await client.NextUpdate();
        foreach (var other in new[] { "cay", "dan", "eve", "fay" })
            await _world.Rename(service, other, "renamed");
        await _world.Bind(service, "ada", "token");

        var updates = await _world.ReadAll(client, service);

        Assert.Equal([UpdateReasons.ReachabilityNotifiable], ReasonsOf(updates, "ada"));
        Assert.Equal([UpdateReasons.FriendlyName], ReasonsOf(updates, "bob"));
    }

    [Fact]
    public async Task Reasoned_a_user_that_changes_again_while_a_watch_catches_up_has_the_new_reason_alone()
    {
        var service = await NewService("ada", "bob", "cay");
        ResumeToken token;
        await using (var before = await _world.Watch(service))
        {
            await before.Sync();
            token = before.Token!;
        }
        foreach (var name in new[] { "ada", "bob", "cay" })
            await _world.Rename(service, name, "renamed");
        await using var client = await _world.Watch(service, token: token);
        await client.Next<WatchEvent.ConfigurationChanged>();
        Assert.Equal("ada", (await client.NextUpdate()).State.Identity.ToString());
        // Ada's row moves behind those that are still to be read, and so does cay's.
        await _world.Online(service, "ada");
        await _world.Online(service, "cay");

        var updates = await _world.ReadAll(client, service);

        Assert.Equal([UpdateReasons.ReachabilityOnline], ReasonsOf(updates, "ada"));
        Assert.Equal([UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline], ReasonsOf(updates, "cay"));
    }

    [Fact]
    public async Task Reasoned_an_update_after_a_snapshot_names_no_change_that_the_snapshot_shows()
    {
        var service = await NewService();
        await _world.Online(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Next<WatchEvent.ConfigurationChanged>();
        await client.Next<WatchEvent.Reset>();
        await _world.Rename(service, "ada", "Ada");
        // The page waits until the feed has read what it lost. Meanwhile ada changes again.
        _publisher.Loses = () => true;
        await _world.Create(service, "bob");
        _publisher.Loses = () => false;
        var page = client.NextUpdate();
        Assert.False(page.IsCompleted);
        await _world.Bind(service, "ada", "token");

        Assert.Equal("Ada", (await page).State.Record!.FriendlyName);
        await client.Sync();
        var update = await client.NextUpdate();
        Assert.Equal(("ada", UpdateReasons.ReachabilityNotifiable), (update.State.Identity.ToString(), update.Reasons));
    }

    [Fact]
    public async Task Reasoned_a_user_that_lost_its_value_in_a_switch_and_changes_later_has_the_new_reason_alone()
    {
        var service = await NewService();
        await _world.Online(service, "ada");
        await _world.Online(service, "bob");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _world.Switch(service.Sid, on: false);
        await client.Next<WatchEvent.ConfigurationChanged>();
        var update = await client.NextUpdate();
        Assert.Equal(("ada", UpdateReasons.ReachabilityOnline), (update.State.Identity.ToString(), update.Reasons));
        await _world.Rename(service, "ada", "Ada");
        await _world.Rename(service, "bob", "Bob");

        var updates = await _world.ReadAll(client, service);

        Assert.Equal([UpdateReasons.FriendlyName], ReasonsOf(updates, "ada"));
        Assert.Equal([UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline], ReasonsOf(updates, "bob"));
    }

    [Fact]
    public async Task Reasoned_a_watch_of_some_users_that_catches_up_twice_repeats_no_reason()
    {
        string[] names = ["ada", "bob", "cay", "dan", "eve"];
        var service = await NewService(names);
        await using var client = await _world.Watch(service, names);
        await client.Sync();
        foreach (var name in names)
            await _world.Rename(service, name, "renamed");
        var first = await client.NextUpdate();
        foreach (var name in names)
            await _world.Online(service, name);

        var updates = await _world.ReadAll(client, service);

        updates.Insert(0, (first.State.Identity.ToString(), first.Reasons));
        foreach (var name in names)
        {
            var reasons = ReasonsOf(updates, name);
            Assert.Equal(
                UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline, reasons.Aggregate((all, reason) => all | reason));
            Assert.Equal(2, reasons.Sum(reason => int.PopCount((int)reason)));
        }
    }

    [Fact]
    public async Task Reasoned_a_user_that_two_pages_of_a_gap_show_has_the_new_reason_alone()
    {
        var service = await NewService("ada", "bob");
        await using var client = await _world.Watch(service);
        await client.Sync();
        _publisher.Loses = () => true;
        await _world.Rename(service, "ada", "Ada");
        await _world.Rename(service, "bob", "Bob");
        _publisher.Loses = () => false;
        // The feed offers the first page of the gap, and waits for the second one.
        _world.Store.Faults.StallAllReads(after: 1);
        await _world.Create(service, "last");
        Assert.Equal("ada", (await client.NextUpdate()).State.Identity.ToString());
        _world.Store.Faults.StallAllReads(after: int.MaxValue);
        await _world.Online(service, "ada");
        _world.Store.Faults.ReleaseRead(0);

        var updates = await _world.ReadAll(client, service);

        Assert.Equal([UpdateReasons.ReachabilityOnline], ReasonsOf(updates, "ada"));
        Assert.Equal([UpdateReasons.FriendlyName], ReasonsOf(updates, "bob"));
    }

    [Fact]
    public async Task Bookmarkable_a_switch_that_the_first_page_of_a_gap_shows_moves_no_token_over_the_other_pages()
    {
        var service = await NewService("bob");
        await _world.Online(service, "ada");
        await using var client = await _world.Watch(service, reasons: UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline);
        await client.Sync();
        _publisher.Loses = () => true;
        await _world.Bind(service, "ada", "token"); // a reason that the watch does not select
        await _world.Rename(service, "bob", "Bob");
        var renamedAt = await _world.Revision(service);
        await _world.Switch(service.Sid, on: false);
        _publisher.Loses = () => false;
        await _world.Create(service, "last");

        while (client.Users["bob"].Record!.FriendlyName != "Bob")
        {
            Assert.True(client.Token!.Base < renamedAt);
            await client.Next();
        }
    }

    [Fact]
    public async Task Bookmarkable_a_switch_in_a_batch_that_overflows_the_queue_keeps_the_token_below_it()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        _ = _world.Queue.SubmitAsync(
            new UpdateConfiguration(service.Sid, etag: "", before => before with { ReachabilityEnabled = false }));
        for (var i = 0; i <= PendingUsers; i++)
            _ = _world.Queue.SubmitAsync(new CreateUser(service.Sid, World.Id($"user-{i}"), "", "{}", default));
        await _world.Rename(service, "ada", "Ada");
        var switchedAt = (await _world.Store.FindServiceAsync(service.Sid, default))!.Configuration.SwitchRevision;

        var reasons = UpdateReasons.None;
        while (reasons == UpdateReasons.None)
        {
            // A watch that resumes from here must get a reset.
            Assert.True(client.Token!.Base < switchedAt);
            if (await client.Next() is WatchEvent.Updates message)
                reasons = message.Users.SingleOrDefault(update => update.State.Identity == World.Id("ada")).Reasons;
        }
        Assert.Equal(UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline, reasons);
        Assert.Null(client.Users["ada"].IsOnline);
    }

    [Fact]
    public async Task Resumable_a_feed_that_is_behind_the_token_repeats_no_change_that_the_token_covers()
    {
        var service = await NewService("ada");
        await using var other = await _world.Watch(service);
        await other.Sync();
        _publisher.Loses = () => true;
        await _world.Rename(service, "ada", "Ada");
        _publisher.Loses = () => false;
        // Another node, which has the change, has sent this token.
        var revision = await _world.Revision(service);
        var token = other.Token! with { Base = revision, Position = revision, Newest = revision };
        await using var client = await _world.Watch(service, token: token);
        var synced = client.Sync();
        _world.Advance(2 * Limits.Tick); // the feed reads the change
        Assert.Single((await synced).OfType<WatchEvent.ConfigurationChanged>());
        await _world.Online(service, "ada");

        Assert.Equal(UpdateReasons.ReachabilityOnline, (await client.NextUpdate()).Reasons);
    }

    [Fact]
    public async Task Resumable_a_feed_that_is_behind_a_pair_omits_no_reason_of_a_row_above_its_position()
    {
        var service = await NewService("ada", "bob");
        await using var other = await _world.Watch(service);
        await other.Sync();
        var before = await _world.Revision(service);
        await _world.Rename(service, "ada", "Ada");
        await _world.Rename(service, "bob", "Bob");
        var position = await _world.Revision(service);
        _publisher.Loses = () => true;
        await _world.Online(service, "ada");
        _publisher.Loses = () => false;
        // Another node, which has all changes, has sent the first of two pages: the row of bob. The row of ada was behind it already.
        var token = other.Token! with { Base = before, Position = position, Newest = await _world.Revision(service) };
        await using var client = await _world.Watch(service, token: token);
        var updates = _world.ReadAll(client, service);
        _world.Advance(2 * Limits.Tick); // the feed reads the change

        Assert.Equal([("ada", UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline)], await updates);
    }

    [Fact]
    public async Task Reasoned_a_watch_that_names_a_user_by_sid_and_by_identity_is_sent_a_change_once()
    {
        // A session that waits continues within the offer that wakes it, before the next offer.
        using var world = new World(resume: static continuation => continuation());
        var service = await world.NewService();
        var ada = await world.Create(service, "ada");
        await using var client = await world.Watch(service, ["ada", ada.Sid.ToString()]);
        await client.Sync();
        var update = client.NextUpdate();
        await world.Rename(service, "ada", "Ada");

        Assert.Equal(UpdateReasons.FriendlyName, (await update).Reasons);
        Assert.True(client.IsQuiet());
    }

    private static List<UpdateReasons> ReasonsOf(List<(string Identity, UpdateReasons Reasons)> updates, string identity) =>
        [.. updates.Where(update => update.Identity == identity).Select(update => update.Reasons)];

    private async Task<CachedService> NewService(params string[] users)
    {
        var service = await _world.NewService();
        foreach (var user in users)
            await _world.Create(service, user);
        return service;
    }

    private void Rename(CachedService service, string identity) => _ = _world.Queue.SubmitAsync(
        new UpdateUser(service.Sid, World.Key(identity), identity: null, etag: "", new UserEdit("renamed", null, null)));

    private void WriteUnless(bool isLater)
    {
        if (!isLater)
            _world.Write();
    }
}
