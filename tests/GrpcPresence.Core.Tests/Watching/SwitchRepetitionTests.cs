using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>
/// Tests that a watch names the loss of a value once, however often reachability is switched. A message holds one user, and a page one.
/// </summary>
public sealed class SwitchRepetitionTests : IDisposable
{
    private static readonly UpdateReasons[] Lost = [UpdateReasons.ReachabilityOnline];

    private readonly World _world = new(sizes: new WatchSizes(PendingUsers: 4, Page: 1), userBytes: Limits.WatchMessageBytes);

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Reasoned_a_page_that_was_read_before_a_switch_does_not_name_it(bool selected)
    {
        var service = await NewService("ada", "bob");
        await using var client = await CatchUpAsync(service, selected);
        await SwitchWhileReadingAsync(service, client);
        Assert.True(client.Users["ada"].IsOnline);

        var updates = await _world.ReadAll(client, service);

        Assert.Equal(Lost, ReasonsOf(updates, "ada"));
        Assert.Equal(Lost, ReasonsOf(updates, "bob"));
        Assert.All(client.Users.Values, user => Assert.Null(user.IsOnline));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Reasoned_a_page_that_was_read_between_two_switches_names_the_one_that_it_shows(bool selected)
    {
        var service = await NewService("ada", "bob");
        await using var client = await CatchUpAsync(service, selected);
        await OffAndOnAsync(service, "ada", "bob");
        await SwitchWhileReadingAsync(service, client, expected: UpdateReasons.None);

        var updates = await _world.ReadAll(client, service);

        Assert.Equal(1, Count(updates, "ada", UpdateReasons.ReachabilityOnline));
        Assert.Equal(1, Count(updates, "ada", UpdateReasons.FriendlyName));
        Assert.Equal(Lost, ReasonsOf(updates, "bob"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Reasoned_off_on_and_off_within_a_sweep_names_each_loss_once(bool changes)
    {
        var service = await NewService("ada", "bob", "cay");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _world.Switch(service.Sid, on: false);
        await client.Next<WatchEvent.ConfigurationChanged>();
        Assert.Equal("ada", (await client.NextUpdate()).State.Identity.ToString());
        await OffAndOnAsync(service, "ada", "bob", "cay");
        await _world.Switch(service.Sid, on: false);
        if (changes)
        {
            foreach (var name in new[] { "ada", "bob" })
                await _world.Rename(service, name, "renamed");
        }

        var updates = await _world.ReadAll(client, service);

        var renamed = changes ? UpdateReasons.FriendlyName : UpdateReasons.None;
        Assert.Equal(changes ? [renamed] : [], ReasonsOf(updates, "ada"));
        Assert.Equal([renamed | UpdateReasons.ReachabilityOnline], ReasonsOf(updates, "bob"));
        Assert.Equal(Lost, ReasonsOf(updates, "cay"));
    }

    [Fact]
    public async Task Convergent_a_user_that_a_catch_up_sent_as_online_between_two_switches_loses_its_value()
    {
        var service = await NewService("ada", "bob");
        await _world.Create(service, "cay");
        await using var client = await CatchUpAsync(service, selected: false);
        await OffAndOnAsync(service, "ada", "bob");
        await _world.Online(service, "cay");
        while (client.Users.GetValueOrDefault("cay")?.IsOnline != true)
            await client.Next();
        await _world.Switch(service.Sid, on: false);

        var updates = await _world.ReadAll(client, service);

        Assert.Equal(Lost, ReasonsOf(updates, "cay"));
        Assert.Empty(ReasonsOf(updates, "ada"));
        Assert.All(client.Users.Values, user => Assert.Null(user.IsOnline));
    }

    private static List<UpdateReasons> ReasonsOf(List<(string Identity, UpdateReasons Reasons)> updates, string identity) =>
        [.. updates.Where(update => update.Identity == identity).Select(update => update.Reasons)];

    private static int Count(List<(string Identity, UpdateReasons Reasons)> updates, string identity, UpdateReasons reason) =>
        ReasonsOf(updates, identity).Count(reasons => reasons.HasFlag(reason));

    private async Task<CachedService> NewService(params string[] users)
    {
        var service = await _world.NewService();
        foreach (var user in users)
            await _world.Online(service, user);
        return service;
    }

    /// <summary>Resumes a watch that has a change of ada to read from the store, and reads its first message.</summary>
    private async Task<WatchClient> CatchUpAsync(CachedService service, bool selected)
    {
        string[] keys = selected ? ["ada", "bob"] : [];
        ResumeToken token;
        await using (var before = await _world.Watch(service, keys))
        {
            await before.Sync();
            token = before.Token!;
        }
        await _world.Rename(service, "ada", "Ada");
        var client = await _world.Watch(service, keys, token: token);
        await client.Next<WatchEvent.ConfigurationChanged>();
        return client;
    }

    /// <summary>Reads a page that has taken its moment before reachability is switched off.</summary>
    private async Task SwitchWhileReadingAsync(
        CachedService service, WatchClient client, UpdateReasons expected = UpdateReasons.FriendlyName)
    {
        var stalled = _world.Store.Faults.NextStall();
        _world.Store.Faults.StallAllReads(after: 0);
        var next = client.Next<WatchEvent.ConfigurationChanged>();
        await stalled;
        _world.Store.Faults.StallAllReads(after: int.MaxValue);
        await _world.Switch(service.Sid, on: false);
        _world.Store.Faults.ReleaseRead(0);
        await next;
        if (expected != UpdateReasons.None)
            Assert.Equal(expected, (await client.NextUpdate()).Reasons);
    }

    /// <summary>Switches reachability off and on. No session of the users is left.</summary>
    private async Task OffAndOnAsync(CachedService service, params string[] users)
    {
        await _world.Switch(service.Sid, on: false);
        foreach (var user in users)
            await _world.Offline(service, user);
        await _world.Switch(service.Sid, on: true);
    }
}
