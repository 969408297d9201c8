using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Tests what a watch sends when reachability is switched on or off.</summary>
public sealed class SwitchTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Switching_off_sends_the_configuration_and_then_nulls_for_the_known_users(bool selected)
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        await _world.Bind(service, "ada", "token");
        await _world.Online(service, "bob");
        await _world.Create(service, "cay");
        await using var client = await _world.Watch(service, selected ? ["ada", "bob", "cay"] : []);
        await client.Sync();
        await _world.Switch(service.Sid, on: false);

        Assert.False((await client.Next<WatchEvent.ConfigurationChanged>()).Configuration.ReachabilityEnabled);
        var updates = (await client.Next<WatchEvent.Updates>()).Users.ToDictionary(update => update.State.Identity.ToString());
        Assert.Equal(["ada", "bob"], updates.Keys.Order());
        Assert.Equal(UpdateReasons.Reachability, updates["ada"].Reasons);
        Assert.Equal(UpdateReasons.ReachabilityOnline, updates["bob"].Reasons);
        Assert.All(client.Users.Values, user => Assert.Null(user.IsOnline));
        Assert.All(client.Users.Values, user => Assert.Null(user.IsNotifiable));
    }

    [Fact]
    public async Task Switching_off_reaches_users_of_more_than_a_page()
    {
        var service = await _world.NewService();
        for (var i = 0; i < Limits.WatchPageSize + 5; i++)
            await _world.Online(service, $"user-{i}");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _world.Switch(service.Sid, on: false);
        await client.Next<WatchEvent.ConfigurationChanged>();
        while (client.Users.Values.Any(user => user.IsOnline is not null))
            await client.Next<WatchEvent.Updates>();
        Assert.True(client.IsQuiet());
    }

    [Fact]
    public async Task Switching_on_brings_the_users_with_live_sessions_online_and_nobody_else()
    {
        var service = await _world.NewService(reachability: false);
        await _world.Online(service, "ada");
        await _world.Create(service, "bob");
        await using var client = await _world.Watch(service);
        await client.Sync();
        Assert.Null(client.Users["ada"].IsOnline);
        await _world.Switch(service.Sid, on: true);
        _world.Advance(Limits.Tick);

        Assert.True((await client.Next<WatchEvent.ConfigurationChanged>()).Configuration.ReachabilityEnabled);
        var update = await client.NextUpdate();
        Assert.Equal(UpdateReasons.ReachabilityOnline, update.Reasons);
        Assert.True(client.Users["ada"].IsOnline);
        Assert.Null(client.Users["bob"].IsOnline);
    }

    [Fact]
    public async Task Off_and_on_again_before_the_client_looks_still_takes_the_old_values_away()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada", "gone");
        await _world.Online(service, "bob", "stays");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _world.Switch(service.Sid, on: false);
        await _world.Offline(service, "ada", "gone");
        await _world.Switch(service.Sid, on: true);
        _world.Advance(Limits.Tick);

        Assert.True((await client.Next<WatchEvent.ConfigurationChanged>()).Configuration.ReachabilityEnabled);
        while (client.Users["ada"].IsOnline is not null || client.Users["bob"].IsOnline != true)
            await client.Next<WatchEvent.Updates>();
    }

    [Fact]
    public async Task A_profile_edit_after_switching_off_does_not_hide_that_reachability_changed()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _world.Switch(service.Sid, on: false);
        await _world.Rename(service, "ada", "Ada");

        await client.Next<WatchEvent.ConfigurationChanged>();
        var reasons = UpdateReasons.None;
        while (reasons != (UpdateReasons.FriendlyName | UpdateReasons.ReachabilityOnline))
            reasons |= (await client.NextUpdate()).Reasons;
        Assert.Null(client.Users["ada"].IsOnline);
    }

    [Fact]
    public async Task The_revision_that_clients_see_grows_with_a_switch_and_never_shrinks()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        var before = (await _world.Get(service, "ada"))!.Revision;
        await _world.Switch(service.Sid, on: false);
        var off = (await _world.Get(service, "ada"))!.Revision;
        await _world.Switch(service.Sid, on: true);
        Assert.True(before < off);
        Assert.True(off <= (await _world.Get(service, "ada"))!.Revision);
    }
}
