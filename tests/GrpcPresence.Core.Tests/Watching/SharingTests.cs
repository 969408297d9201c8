using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>Tests that watchers with the same pending changes share messages, and that each receives what it would receive alone.</summary>
public sealed class SharingTests : IDisposable
{
    private const int Left = 3; // the users of the batch that do not fit into the first message
    private static readonly string[] Names = [.. Enumerable.Range(0, Limits.WatchUpdatesPerMessage + Left).Select(user => $"user-{user}")];

    private readonly World _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Bookmarkable_a_token_between_two_shared_messages_covers_the_first_alone()
    {
        var service = await NewServiceWithUsers();
        await using var client = await _world.Watch(service);
        await client.Sync();
        var before = client.Token!.Position;
        ComeOnline(service);

        var first = await client.Next<WatchEvent.Updates>();
        Assert.Equal(Names.Length - Left, first.Users.Count);
        Assert.Equal(before + first.Users.Count, first.Token!.Position);
        var second = await client.Next<WatchEvent.Updates>();
        Assert.Equal(Left, second.Users.Count);
        Assert.Equal(before + Names.Length, second.Token!.Position);
    }

    [Fact]
    public async Task Convergent_what_is_left_of_a_shared_batch_is_sent_with_what_came_after_it()
    {
        var service = await NewServiceWithUsers();
        await using var client = await _world.Watch(service);
        await client.Sync();
        ComeOnline(service);
        await client.Next<WatchEvent.Updates>();
        await _world.Rename(service, Names[0], "renamed");
        await _world.Rename(service, Names[^1], "renamed");

        var rest = await client.Next<WatchEvent.Updates>();

        Assert.Equal([.. Names[^Left..], Names[0]], rest.Users.Select(update => update.State.Identity.ToString()));
        Assert.Equal(
            [
                UpdateReasons.ReachabilityOnline,
                UpdateReasons.ReachabilityOnline,
                UpdateReasons.ReachabilityOnline | UpdateReasons.FriendlyName,
                UpdateReasons.FriendlyName,
            ],
            rest.Users.Select(update => update.Reasons));
        Assert.Equal(await _world.Revision(service), rest.Token!.Position);
    }

    [Fact]
    public async Task Convergent_batches_of_other_users_follow_each_other_and_one_of_the_same_ends_that()
    {
        var service = await NewServiceWithUsers();
        await using var client = await _world.Watch(service);
        await client.Sync();
        var before = client.Token!.Position;
        await _world.Online(service, "first");
        ComeOnline(service);
        await _world.Online(service, "last");

        var first = await client.Next<WatchEvent.Updates>();
        Assert.Equal("first", Assert.Single(first.Users).State.Identity.ToString());
        Assert.Equal(before + 1, first.Token!.Position);
        var second = await client.Next<WatchEvent.Updates>();
        Assert.Equal(Names[..^Left], second.Users.Select(update => update.State.Identity.ToString()));
        Assert.Equal(before + 1 + second.Users.Count, second.Token!.Position);
        await _world.Offline(service, Names[^1]);

        var rest = await client.Next<WatchEvent.Updates>();
        Assert.Equal([.. Names[^Left..], "last"], rest.Users.Select(update => update.State.Identity.ToString()));
        Assert.False(rest.Users[Left - 1].State.IsOnline);
        Assert.Equal(await _world.Revision(service), rest.Token!.Position);
    }

    [Fact]
    public async Task Convergent_a_watcher_that_is_many_batches_behind_receives_many_users_at_once()
    {
        const int Batches = 100;
        var service = await NewServiceWithUsers();
        await using var client = await _world.Watch(service);
        await client.Sync();
        foreach (var name in Names.Take(Batches))
            await _world.Online(service, name);

        var message = await client.Next<WatchEvent.Updates>();

        Assert.Equal(Names.Take(Batches), message.Users.Select(update => update.State.Identity.ToString()));
    }

    [Fact]
    public async Task Reasoned_a_slow_watcher_receives_both_batches_merged_and_a_fast_watcher_receives_each()
    {
        var service = await NewServiceWithUsers();
        await using var quick = await _world.Watch(service);
        await using var slow = await _world.Watch(service);
        await quick.Sync();
        await slow.Sync();

        await _world.Online(service, Names[0]);
        Assert.Equal(UpdateReasons.ReachabilityOnline, (await quick.NextUpdate()).Reasons);
        await _world.Rename(service, Names[0], "renamed");

        Assert.Equal(UpdateReasons.FriendlyName, (await quick.NextUpdate()).Reasons);
        Assert.Equal(UpdateReasons.ReachabilityOnline | UpdateReasons.FriendlyName, (await slow.NextUpdate()).Reasons);
    }

    [Fact]
    public void Ordered_a_user_that_changes_twice_in_a_batch_comes_once_in_the_newest_state()
    {
        const long Before = 7;
        var changes = new[]
        {
            new UserChange(State(1, Before + 1), UpdateReasons.FriendlyName, Before + 1),
            new UserChange(State(2, Before + 2), UpdateReasons.Attributes, Before + 2),
            new UserChange(State(1, Before + 3), UpdateReasons.Role, Before + 3),
        };

        var shared = new SharedChanges(changes);

        var message = shared.MessageAt(0, new MessageBuilder(new FixedSizeEncoder(), UserView.Full));
        Assert.Equal([1, 2], message.Users.Select(update => (long)update.State.Sid.Value));
        Assert.Equal([Before + 3, Before + 2], message.Users.Select(update => update.State.Revision));
        Assert.Equal([UpdateReasons.FriendlyName | UpdateReasons.Role, UpdateReasons.Attributes],
            message.Users.Select(update => update.Reasons));
        Assert.Equal(Before + 1, shared[0].FirstDirty);
    }

    [Fact]
    public void Bounded_each_view_has_messages_of_its_own_size()
    {
        UserChange[] changes = [new(State(1, 1), UpdateReasons.Role, 1), new(State(2, 2), UpdateReasons.Role, 2)];
        var shared = new SharedChanges(changes);
        var half = new FixedSizeEncoder((Limits.WatchMessageBytes / 2) + 1);

        Assert.Single(shared.MessageAt(0, new MessageBuilder(half, UserView.Full)).Users);
        Assert.Single(shared.MessageAt(1, new MessageBuilder(half, UserView.Full)).Users);
        Assert.Equal(2, shared.MessageAt(0, new MessageBuilder(new FixedSizeEncoder(), UserView.Basic)).Users.Count);
    }

    private async Task<CachedService> NewServiceWithUsers()
    {
        var service = await _world.NewService();
        foreach (var name in Names)
            await _world.Create(service, name);
        return service;
    }

    // Brings all users online in one batch.
    private void ComeOnline(CachedService service)
    {
        foreach (var name in Names)
            _world.Beat(service, name);
        _world.Write();
    }

    private static UserState State(int sid, long revision) => UserState.Of(
        default,
        new UserRecord
        {
            Sid = new UserSid((UInt128)sid),
            Identity = World.Id($"user-{sid}"),
            CreateTime = default,
            UpdateTime = default,
            CreatedRevision = 1,
            Revision = revision,
        },
        new ServiceConfiguration());
}
