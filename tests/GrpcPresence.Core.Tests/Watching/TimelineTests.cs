using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Tests tokens from before and after the moment to which a backup restores the data.</summary>
public sealed class TimelineTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Resumable_a_token_of_before_the_backup_goes_on()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _world.Rename(service, "ada", "kept");
        var backup = _world.Store.Image;
        await _world.Rename(service, "ada", "lost");

        using var restored = Restore(backup);
        await using var resumed = await restored.Watch(service, token: client.Token);
        var messages = await resumed.Sync();

        Assert.DoesNotContain(messages, message => message is WatchEvent.Reset);
        Assert.Equal("kept", resumed.Users["ada"].Record!.FriendlyName);
    }

    [Fact]
    public async Task Resumable_a_state_that_was_sent_ahead_of_its_token_and_lost_resets()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        var others = Enumerable.Range(0, Limits.WatchUpdatesPerMessage).Select(number => $"other-{number}").ToArray();
        foreach (var other in others)
            await _world.Create(service, other);
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _world.Rename(service, "ada", "kept");
        foreach (var other in others)
            await _world.Rename(service, other, "kept");
        var backup = _world.Store.Image;
        var end = await _world.Revision(service);
        await _world.Rename(service, "ada", "lost");

        // The users do not fit into one message, so the token stays below the last of the other users. Ada keeps her first place, and the
        // message contains her newest state.
        await client.Next<WatchEvent.Updates>();
        Assert.Equal("lost", client.Users["ada"].Record!.FriendlyName);
        Assert.True(client.Token!.Position < end);

        using var restored = Restore(backup);
        await using var resumed = await restored.Watch(service, token: client.Token);
        await resumed.Next<WatchEvent.ConfigurationChanged>();
        Assert.Equal(ResetReason.TimelineChanged, (await resumed.Next<WatchEvent.Reset>()).Reason);
    }

    [Fact]
    public async Task Resumable_a_token_of_a_deleted_service_instance_resets_in_the_one_that_took_its_sid()
    {
        var service = await _world.NewService();
        await using var client = await _world.Watch(service);
        await client.Sync();
        await _world.Do(new DeleteServiceInstance(service.Sid));
        await _world.Do(new CreateServiceInstance(service.Sid, ""));
        await _world.Switch(service.Sid, on: true);
        var successor = await _world.Services.GetAsync(service.Sid, default);
        Assert.True(client.Token!.Newest <= await _world.Revision(successor)); // so only the timeline tells the two apart

        await using var resumed = await _world.Watch(successor, token: client.Token);
        await resumed.Next<WatchEvent.ConfigurationChanged>();

        Assert.Equal(ResetReason.TimelineChanged, (await resumed.Next<WatchEvent.Reset>()).Reason);
    }

    [Fact]
    public async Task Resumable_state_read_ahead_of_the_token_stays_known_across_resumes()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await using var client = await _world.Watch(service);
        await client.Sync();
        var newest = client.Token!.Newest;
        Assert.Equal(await _world.Revision(service), newest);

        await using var resumed = await _world.Watch(service, token: client.Token with { Newest = newest + 5 });
        await resumed.Next<WatchEvent.ConfigurationChanged>();
        Assert.Equal(ResetReason.TimelineChanged, (await resumed.Next<WatchEvent.Reset>()).Reason);

        await using var again = await _world.Watch(service, token: client.Token);
        await again.Sync();
        Assert.Equal(newest, again.Token!.Newest);
    }

    private World Restore(StoreImage backup)
    {
        _world.Store.Restore(backup);
        return new World(_world.Store);
    }
}
