using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Tests that a watch which reads from the store loses no change that happens meanwhile.</summary>
public sealed class CatchUpTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Resumable_a_user_that_changes_while_the_watch_catches_up_keeps_the_earlier_reasons()
    {
        var service = await _world.NewService();
        var count = (2 * Limits.WatchPageSize) + 1;
        for (var i = 0; i < count; i++)
            await _world.Create(service, $"user-{i}");
        ResumeToken start;
        await using (var client = await _world.Watch(service, now: true, reasons: UpdateReasons.FriendlyName))
        {
            await client.Sync();
            start = client.Token!;
        }
        for (var i = 0; i < count; i++)
            await _world.Rename(service, $"user-{i}", "renamed");

        await using var resumed = await _world.Watch(service, reasons: UpdateReasons.FriendlyName, token: start);
        await resumed.Next<WatchEvent.ConfigurationChanged>();
        await resumed.Next<WatchEvent.Updates>();
        // The rows that the watch has not read yet move beyond the revision at which it attached. Its filter does not include the reason.
        for (var i = Limits.WatchPageSize; i < count; i++)
            await _world.Online(service, $"user-{i}");
        await resumed.Sync();
        Assert.Equal(count, resumed.Users.Count);
    }

    [Fact]
    public async Task Convergent_a_user_that_changes_before_the_sweep_of_a_switch_still_loses_the_old_value()
    {
        var service = await _world.NewService();
        var count = (2 * Limits.WatchPageSize) + 1;
        for (var i = 0; i < count; i++)
            await _world.Online(service, $"user-{i}");
        await using var client = await _world.Watch(service, reasons: UpdateReasons.ReachabilityOnline);
        await client.Sync();
        await _world.Switch(service.Sid, on: false);
        await client.Next<WatchEvent.ConfigurationChanged>();
        await client.Next<WatchEvent.Updates>();
        for (var i = Limits.WatchPageSize; i < count; i++)
            await _world.Rename(service, $"user-{i}", "renamed");
        while (client.Users.Values.Any(user => user.IsOnline is not null))
            await client.Next<WatchEvent.Updates>();
    }

    [Fact]
    public async Task Convergent_a_change_in_the_same_batch_as_a_switch_and_after_it_is_delivered()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        SwitchOff(service);
        Submit(service, "bob");
        _world.Write();
        while (!client.Users.ContainsKey("bob") || client.Users["ada"].IsOnline is not null)
            await client.Next();
    }

    [Fact]
    public async Task Convergent_more_changes_than_a_page_in_the_same_batch_as_a_switch_are_delivered()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service);
        await client.Sync();
        var count = (2 * Limits.WatchPageSize) + 1;
        SwitchOff(service);
        for (var i = 0; i < count; i++)
            Submit(service, $"user-{i}");
        _world.Write();
        while (client.Users.Count < count)
            await client.Next();
    }

    [Fact]
    public async Task Resumable_a_token_from_the_middle_of_a_sweep_resets_also_when_its_batch_went_on()
    {
        var service = await _world.NewService();
        for (var i = 0; i <= Limits.WatchPageSize; i++)
            await _world.Online(service, $"user-{i}");
        await using var client = await _world.Watch(service);
        await client.Sync();
        SwitchOff(service);
        Submit(service, "bob");
        _world.Write();
        await client.Next<WatchEvent.ConfigurationChanged>();
        await client.Next<WatchEvent.Updates>();

        await using var resumed = await _world.Watch(service, token: client.Token);
        await resumed.Next<WatchEvent.ConfigurationChanged>();
        Assert.Equal(ResetReason.ReachabilitySwitched, (await resumed.Next<WatchEvent.Reset>()).Reason);
    }

    [Fact]
    public async Task Registered_a_watch_from_now_that_overflows_before_its_first_message_loses_nothing()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service, now: true);
        var count = Limits.PendingUsersPerWatcher + 50;
        for (var i = 0; i < count; i++)
            await _world.Create(service, $"user-{i}");
        while (client.Users.Count < count)
            await client.Next();
    }

    [Fact]
    public async Task Convergent_a_watch_from_now_sends_no_value_of_before_a_switch_that_came_before_its_first_message()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service, now: true);
        await _world.Online(service, "ada");
        await _world.Switch(service.Sid, on: false);
        Assert.False((await client.Next<WatchEvent.ConfigurationChanged>()).Configuration.ReachabilityEnabled);
        while (!client.Users.ContainsKey("ada"))
            await client.Next();
        Assert.Null(client.Users["ada"].IsOnline);
    }

    private void SwitchOff(CachedService service) =>
        _ = _world.Queue.SubmitAsync(new UpdateConfiguration(service.Sid, "", before => before with { ReachabilityEnabled = false }));

    private void Submit(CachedService service, string identity) =>
        _ = _world.Queue.SubmitAsync(new CreateUser(service.Sid, World.Id(identity), "", "{}", default(RoleSid)));
}
