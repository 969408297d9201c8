using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>
/// Tests that the updates after a snapshot name no change that the snapshot shows, also if the queue has dropped its users meanwhile. A
/// message holds one user, and a page one.
/// </summary>
public sealed class SnapshotRepetitionTests : IDisposable
{
    private static readonly string[] Names = ["ada", "bob", "cay", "dan", "eve"];

    private readonly World _world = new(sizes: new WatchSizes(PendingUsers: 4, Page: 1), userBytes: Limits.WatchMessageBytes);

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Reasoned_an_overflow_during_a_snapshot_repeats_no_change_that_a_later_page_shows()
    {
        var service = await NewService();
        await using var client = await BeginAsync(service);
        await client.Next<WatchEvent.Reset>();
        Assert.Equal("ada", (await client.NextUpdate()).State.Identity.ToString());
        foreach (var name in Names)
            await _world.Rename(service, name, "renamed");
        Assert.Equal(0, _world.Hub.PendingUsers); // an overflow has dropped them

        var updates = await _world.ReadAll(client, service);

        Assert.Equal([("ada", UpdateReasons.FriendlyName)], updates);
        Assert.All(client.Users.Values, user => Assert.Equal("renamed", user.Record!.FriendlyName));
    }

    [Fact]
    public async Task Reasoned_a_switch_during_a_snapshot_takes_values_from_the_users_that_had_one()
    {
        var service = await NewService();
        await using var client = await BeginAsync(service);
        await client.Next<WatchEvent.Reset>();
        Assert.True((await client.NextUpdate()).State.IsOnline);
        await _world.Switch(service.Sid, on: false);
        await _world.Rename(service, "bob", "Bob");

        var updates = await _world.ReadAll(client, service);

        Assert.Equal([("ada", UpdateReasons.ReachabilityOnline)], updates);
        Assert.All(client.Users.Values, user => Assert.Null(user.IsOnline));
    }

    [Fact]
    public async Task Reasoned_a_user_that_changes_after_a_snapshot_with_a_switch_has_the_new_reason_alone()
    {
        var service = await NewService();
        await using var client = await BeginAsync(service);
        await client.Next<WatchEvent.Reset>();
        Assert.True((await client.NextUpdate()).State.IsOnline);
        await _world.Switch(service.Sid, on: false);
        while (!client.IsSynced)
            await client.Next();
        foreach (var name in Names)
            await _world.Rename(service, name, "renamed");

        var updates = await _world.ReadAll(client, service);

        Assert.Equal(
            UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline, updates.Single(update => update.Identity == "ada").Reasons);
        Assert.Equal(Names.Length, updates.Count);
        Assert.All(updates.Where(update => update.Identity != "ada"), update => Assert.Equal(UpdateReasons.FriendlyName, update.Reasons));
    }

    [Fact]
    public async Task Reasoned_a_switch_after_a_snapshot_repeats_no_change_that_the_snapshot_shows()
    {
        var service = await NewService();
        await using var client = await BeginAsync(service);
        await client.Next<WatchEvent.Reset>();
        Assert.Equal("ada", (await client.NextUpdate()).State.Identity.ToString());
        // Ada is pending, and keeps the token below the change of bob, which the next page shows.
        await _world.Rename(service, "ada", "Ada");
        await _world.Rename(service, "bob", "Bob");
        while (!client.IsSynced)
            await client.Next();
        await _world.Switch(service.Sid, on: false);

        var updates = await _world.ReadAll(client, service);

        Assert.Equal(
            [("ada", UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline), ("bob", UpdateReasons.ReachabilityOnline)],
            updates.Where(update => update.Identity is "ada" or "bob").OrderBy(update => update.Identity));
    }

    [Fact]
    public async Task Convergent_a_user_that_came_online_after_its_page_of_a_snapshot_loses_its_value()
    {
        var service = await NewService();
        await _world.Switch(service.Sid, on: false);
        await using var client = await BeginAsync(service);
        await client.Next<WatchEvent.Reset>();
        Assert.Null((await client.NextUpdate()).State.IsOnline);
        await _world.Switch(service.Sid, on: true);
        _world.Advance(Limits.Tick); // the live sessions bring their users online
        while (client.Users["ada"].IsOnline != true)
            await client.Next();
        await _world.Switch(service.Sid, on: false);

        await _world.ReadAll(client, service);

        Assert.All(client.Users.Values, user => Assert.Null(user.IsOnline));
    }

    [Fact]
    public async Task Reasoned_a_snapshot_of_some_users_is_not_repeated_after_an_overflow()
    {
        var service = await NewService();
        await using var client = await BeginAsync(service, Names);
        foreach (var name in Names)
            await _world.Rename(service, name, "renamed");
        Assert.Equal(0, _world.Hub.PendingUsers);

        Assert.Empty(await _world.ReadAll(client, service));
        Assert.All(client.Users.Values, user => Assert.Equal("renamed", user.Record!.FriendlyName));
    }

    [Fact]
    public async Task Reasoned_a_snapshot_of_some_users_is_not_repeated_after_a_switch_that_it_shows()
    {
        var service = await NewService();
        await using var client = await BeginAsync(service, Names);
        await _world.Switch(service.Sid, on: false);

        Assert.Empty(await _world.ReadAll(client, service));
        Assert.All(client.Users.Values, user => Assert.Null(user.IsOnline));
    }

    private async Task<CachedService> NewService()
    {
        var service = await _world.NewService();
        foreach (var name in Names)
            await _world.Online(service, name);
        return service;
    }

    private async Task<WatchClient> BeginAsync(CachedService service, params string[] keys)
    {
        var client = await _world.Watch(service, keys);
        await client.Next<WatchEvent.ConfigurationChanged>();
        return client;
    }
}
