using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>
/// Tests a switch of reachability that a watch reads from the store before the feed receives it. The position of the watch is then beyond
/// the switch when the sweep begins.
/// </summary>
public sealed class LateSwitchTests : IDisposable
{
    // One is on the page that shows the switch, a page is swept after it, and one is left.
    private static readonly string[] Users = [.. Enumerable.Range(0, Limits.WatchPageSize + 2).Select(i => $"user-{i}")];

    private readonly World _world;
    private LossyPublisher _publisher = null!;

    public LateSwitchTests() => _world = new World(publisher: hub => _publisher = new LossyPublisher(hub));

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Reasoned_a_user_that_changes_before_the_sweep_reaches_it_loses_its_value_with_the_reason()
    {
        var service = await NewServiceAsync();
        await using var client = await CatchUpAsync(service);
        await LoseAsync(() => _world.Switch(service.Sid, on: false));
        Assert.False((await ReadPastTheGapAsync(client)).Configuration.ReachabilityEnabled);
        await client.Next<WatchEvent.Updates>(); // the page that showed the switch
        await client.Next<WatchEvent.Updates>(); // the first page of the sweep
        var last = Users[^1];
        Assert.DoesNotContain(last, client.Users.Keys);

        await _world.Rename(service, last, "renamed");
        var reasons = UpdateReasons.None;
        while (!client.Users.ContainsKey(last))
        {
            var updates = (await client.Next<WatchEvent.Updates>()).Users;
            reasons |= updates.SingleOrDefault(update => update.State.Identity == World.Id(last)).Reasons;
        }

        Assert.Null(client.Users[last].IsOnline);
        Assert.Equal(UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline, reasons);
    }

    [Fact]
    public async Task Convergent_a_switch_while_a_page_of_a_sweep_is_delivered_sweeps_again()
    {
        var service = await NewServiceAsync();
        await using var client = await CatchUpAsync(service);
        await LoseAsync(async () =>
        {
            await _world.Switch(service.Sid, on: false);
            await _world.Offline(service, Users[^1]);
            await _world.Switch(service.Sid, on: true);
            _world.Advance(Limits.Tick); // the live sessions bring their users online again
        });
        Assert.True((await ReadPastTheGapAsync(client)).Configuration.ReachabilityEnabled);
        var page = await client.Next<WatchEvent.Updates>(); // the page that showed the switches
        Assert.All(page.Users, update => Assert.True(update.State.IsOnline));
        var swept = await client.NextUpdate(); // the page of the sweep: the user that did not come online again
        Assert.Equal((World.Id(Users[^1]), null), (swept.State.Identity, swept.State.IsOnline));

        await _world.Switch(service.Sid, on: false);
        await _world.Create(service, "last");
        while (!client.Users.ContainsKey("last"))
            await client.Next();

        Assert.All(client.Users.Values, user => Assert.Null(user.IsOnline));
    }

    /// <summary>Creates a service instance with online users of more than a page.</summary>
    private async Task<CachedService> NewServiceAsync()
    {
        var service = await _world.NewService();
        foreach (var user in Users)
            await _world.Online(service, user);
        return service;
    }

    /// <summary>Resumes a watch that has a change to read from the store, and reads its first message.</summary>
    private async Task<WatchClient> CatchUpAsync(CachedService service)
    {
        ResumeToken token;
        await using (var before = await _world.Watch(service))
        {
            await before.Sync();
            token = before.Token!;
        }
        await _world.Rename(service, Users[0], "renamed");
        var client = await _world.Watch(service, token: token);
        await client.Next<WatchEvent.ConfigurationChanged>();
        return client;
    }

    private async Task LoseAsync(Func<Task> act)
    {
        _publisher.Loses = () => true;
        await act();
        _publisher.Loses = () => false;
    }

    /// <summary>Reads a page at a revision that the feed reaches only when it reads the gap.</summary>
    private async Task<WatchEvent.ConfigurationChanged> ReadPastTheGapAsync(WatchClient client)
    {
        var next = client.Next<WatchEvent.ConfigurationChanged>();
        Assert.False(next.IsCompleted);
        _world.Advance(2 * Limits.Tick);
        return await next;
    }
}
