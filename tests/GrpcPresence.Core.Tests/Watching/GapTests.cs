using GrpcPresence.Core.Changes;
using GrpcPresence.Core.Changes.Kinds;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Limits;
using GrpcPresence.Core.Users;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>A feed that missed a batch reads the range from the store.</summary>
public sealed class GapTests : IDisposable
{
    private readonly CoreWorld _world;
    private LossyPublisher _publisher = null!;

    public GapTests() => _world = new CoreWorld(publisher: hub => _publisher = new LossyPublisher(hub));

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
    public async Task Convergent_a_watch_that_reads_past_a_lost_batch_makes_the_feed_read_it()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var early = await _world.Watch(service);
        await early.Sync();
        _publisher.Loses = () => true;
        await _world.Rename(service, "ada", "Ada");

        // The snapshot of a second watch is read at a revision that the feed has not reached: it waits until the feed has read the gap.
        await using var late = await _world.Watch(service);
        await late.Next<WatchEvent.ConfigurationChanged>();
        await late.Next<WatchEvent.Reset>();
        var page = late.Next<WatchEvent.Updates>();
        Assert.False(page.IsCompleted);
        _world.Advance(2 * Bounds.Tick);
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
        // Nobody watches now, so that the batch has no feed to go to.
        _world.Store.Faults.StallAllReads(after: 0);
        var request = new WatchRequest(service.Sid, new WatchFilter([], UpdateReasons.None, UserView.Full), StartNow: !resumes, resumes ? token : null);
        var opening = _world.Hub.OpenAsync(request, default).AsTask();
        var renamed = _world.Queue.SubmitAsync(new UpdateUser(service.Sid, CoreWorld.Key("ada"), identity: null, etag: "", new UserEdit("Ada", null, null)));
        _world.Writer.WriteOnce();
        _world.Store.Faults.Clear();
        await renamed;

        await using var client = new WatchClient(await opening);
        var first = client.Next<WatchEvent.ConfigurationChanged>();
        _world.Advance(2 * Bounds.Tick);
        await first;
        while (!client.Users.ContainsKey("ada"))
            await client.Next();

        Assert.Equal("Ada", client.Users["ada"].Record!.FriendlyName);
    }

    [Fact]
    public async Task Convergent_a_lost_switch_takes_the_old_values_away_all_the_same()
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
        _world.Advance(Bounds.Tick);
        Assert.False(next.IsCompleted);
        _world.Store.Faults.FailReads(fail: false);
        _world.Advance(Bounds.Tick);
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

    [Fact]
    public async Task Every_promise_holds_while_batches_are_lost_at_random()
    {
        for (var seed = 0; seed < 200; seed++)
            await RunAsync(seed);
    }

    private static async Task RunAsync(int seed)
    {
        var random = new Random(seed);
        LossyPublisher publisher = null!;
        using var world = new CoreWorld(publisher: hub => publisher = new LossyPublisher(hub));
        publisher.Loses = () => random.Next(4) == 0;
        var service = await world.NewService();
        string[] names = ["ada", "bob", "cay", "dan", "eve"];
        await using var client = await world.Watch(service, seed % 2 == 0 ? [] : names[..3]);
        await client.Next<WatchEvent.ConfigurationChanged>();
        for (var step = 0; step < 40; step++)
        {
            await StepAsync(world, service, names[random.Next(names.Length)], random);
            world.Advance(Bounds.Tick);
        }
        publisher.Loses = () => false;
        await world.Online(service, "last", "end");
        await world.Online(service, "ada", "end");
        world.Advance(2 * Bounds.Tick);

        while (client.Token is not { } token || token.Base < await world.Revision(service))
        {
            var next = client.Next();
            // A watch of some users says how far it is only with a change of theirs, or a sign of life.
            if (!next.IsCompleted)
                world.Advance(Bounds.ProgressInterval * (1 + Bounds.ProgressJitter) + Bounds.Tick);
            await next;
        }
        foreach (var name in seed % 2 == 0 ? names : names[..3])
        {
            var stored = await world.Get(service, name);
            Assert.True(stored is null == !client.Users.ContainsKey(name), $"Convergent, seed {seed}: {name}");
            if (stored is not null)
                AssertSame(stored, client.Users[name], seed);
        }
    }

    private static void AssertSame(UserState stored, UserState seen, int seed)
    {
        var same = stored.Sid == seen.Sid && stored.IsOnline == seen.IsOnline && stored.IsNotifiable == seen.IsNotifiable
            && stored.Record!.FriendlyName == seen.Record!.FriendlyName;
        Assert.True(same, $"Convergent, seed {seed}: {stored.Identity}");
    }

    private static async Task StepAsync(CoreWorld world, LiveService service, string name, Random random)
    {
        switch (random.Next(8))
        {
            case 0:
                await Record.ExceptionAsync(() => world.Create(service, name));
                break;
            case 1:
                await Record.ExceptionAsync(() => world.Rename(service, name, $"name {random.Next()}"));
                break;
            case 2:
                await Record.ExceptionAsync(() => world.Delete(service, name));
                break;
            case 3:
                await Record.ExceptionAsync(() => world.Bind(service, name, $"endpoint of {name}"));
                break;
            case 4 or 5:
                await world.Online(service, name, $"s{random.Next(1000000)}");
                break;
            case 6:
                await Record.ExceptionAsync(() => world.Offline(service, name, "s1"));
                break;
            default:
                await world.Switch(service.Sid, on: random.Next(3) != 0);
                break;
        }
    }
}
