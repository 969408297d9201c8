using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Core.Writing.Overlay;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Writing;

/// <summary>What the writer does when another writer was faster, and when the store completes its calls later.</summary>
public sealed class StaleTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_command_whose_service_instance_was_stale_is_decided_again()
    {
        var (stale, other) = (await _world.NewService(), await _world.NewService());
        var before = await _world.Revision(stale);
        _world.Store.Faults.MakeNextCommitStale(stale.Sid);

        var ada = _world.Queue.SubmitAsync(NewUser(stale.Sid, "ada"));
        var bob = _world.Queue.SubmitAsync(NewUser(other.Sid, "bob"));
        var commits = _world.Store.Image.LastCommit;
        _world.Writer.WriteOnce();

        Assert.Equal(before + 1, (await ada).Revision);
        Assert.NotNull(await _world.Get(stale, "ada"));
        await bob;
        Assert.NotNull(await _world.Get(other, "bob"));
        Assert.Equal(commits + 2, _world.Store.Image.LastCommit);
    }

    [Fact]
    public async Task A_command_that_is_stale_at_each_attempt_fails()
    {
        var (stale, other) = (await _world.NewService(), await _world.NewService());
        _world.Store.Faults.MakeNextCommitStale(stale.Sid, commits: Limits.DecisionAttempts + 5);

        var ada = _world.Queue.SubmitAsync(NewUser(stale.Sid, "ada"));
        var bob = _world.Queue.SubmitAsync(NewUser(other.Sid, "bob"));
        _world.Writer.WriteOnce();

        await bob;
        Assert.Equal(ErrorReason.StorageUnavailable, (await Assert.ThrowsAnyAsync<PresenceException>(() => ada)).Reason);
        Assert.Null(await _world.Get(stale, "ada"));
    }

    [Fact]
    public async Task An_API_key_whose_service_instance_was_stale_is_created_once()
    {
        var service = await _world.NewService();
        _world.Store.Faults.MakeNextCommitStale(service.Sid);

        var created = _world.Queue.SubmitAsync(NewKey(service.Sid));
        var ada = _world.Queue.SubmitAsync(NewUser(service.Sid, "ada"));
        _world.Writer.WriteOnce();

        var key = await created;
        await ada;
        Assert.Equal([key], await _world.Store.ListApiKeysAsync(default));
        Assert.Equal([key], _world.Keys.List());
    }

    [Fact]
    public async Task A_service_instance_that_was_stale_is_deleted_together_with_its_API_keys()
    {
        var service = await _world.NewService();
        var key = await _world.Do(NewKey(service.Sid));
        _world.Store.Faults.MakeNextCommitStale(service.Sid);
        // A read, the commit; then the read of the second decision fails.
        _world.Store.Faults.FailOperation(3);

        await Assert.ThrowsAsync<StorageException>(() => _world.Do(new DeleteServiceInstance(service.Sid)));

        Assert.NotNull(await _world.Store.FindServiceAsync(service.Sid, default));
        Assert.Equal([key], await _world.Store.ListApiKeysAsync(default));
        Assert.Equal([key], _world.Keys.List());
        await _world.Do(new DeleteServiceInstance(service.Sid));
        Assert.Null(await _world.Store.FindServiceAsync(service.Sid, default));
        Assert.True(Assert.Single(await _world.Store.ListApiKeysAsync(default)).IsRevoked);
    }

    [Fact]
    public async Task A_heartbeat_whose_service_instance_was_stale_is_stored_and_answered()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        _world.Store.Faults.MakeNextCommitStale();

        await _world.Online(service, "ada");

        Assert.True((await _world.Get(service, "ada"))!.IsOnline);
    }

    [Fact]
    public async Task A_transition_that_is_invisible_after_a_switch_of_another_node_is_decided_once()
    {
        using var other = new World(_world.Store.OpenAnotherWriter());
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        await other.Switch(service.Sid, on: false);

        _ = _world.Beat(service, "ada");
        _world.Writer.WriteOnce();

        Assert.Equal(0, _world.Queue.Count);
        Assert.False(service.Configuration.ReachabilityEnabled);
    }

    [Fact]
    public async Task When_the_directory_was_stale_everything_is_decided_again()
    {
        var service = await _world.NewService();
        _world.Store.Faults.MakeNextCommitStale();

        var created = _world.Queue.SubmitAsync(new CreateServiceInstance(sid: null, "new"));
        var ada = _world.Queue.SubmitAsync(NewUser(service.Sid, "ada"));
        _world.Writer.WriteOnce();

        Assert.NotNull(await _world.Store.FindServiceAsync((await created).Sid, default));
        await ada;
        Assert.NotNull(await _world.Get(service, "ada"));
    }

    [Fact]
    public async Task A_commit_in_doubt_that_happened_in_part_is_published_in_part_and_the_rest_is_decided_again()
    {
        var (stale, other) = (await _world.NewService(), await _world.NewService());
        _world.Store.Faults.MakeNextCommitStale(stale.Sid);
        _world.Store.Faults.FailCommit(CommitFault.AfterEffect);

        var ada = _world.Queue.SubmitAsync(NewUser(stale.Sid, "ada"));
        var bob = _world.Queue.SubmitAsync(NewUser(other.Sid, "bob"));
        _world.Writer.WriteOnce();

        await ada;
        await bob;
        Assert.NotNull(await _world.Get(stale, "ada"));
        Assert.NotNull(await _world.Get(other, "bob"));
    }

    [Fact]
    public async Task The_writer_waits_for_a_store_that_completes_later()
    {
        _world.Store.Faults.CompleteLater(true);
        var service = await _world.NewService();

        await _world.Online(service, "ada");

        Assert.True((await _world.Get(service, "ada"))!.IsOnline);
    }

    [Fact]
    public async Task A_user_that_the_store_does_not_find_by_its_key_is_looked_up_by_identity()
    {
        var service = await _world.NewService();
        await _world.Online(service, "ada");
        var ada = (await _world.Get(service, "ada"))!;
        using var next = new World(_world.Store);
        var again = await next.Services.GetAsync(service.Sid, default);
        next.Tracker.Resume(default);
        next.Tracker.Start();
        var missing = RowKeys.Of(service.Id, 1000);
        next.Tracker.Recover(again, new StoredOnlineUser(missing, service.Sid, ada.Sid, ada.Identity, TimeSpan.Zero));

        next.Advance(again.Configuration.SessionTimeout * 2);

        var offline = (await next.Get(again, "ada"))!;
        Assert.Equal((ada.Sid, false), (offline.Sid, offline.IsOnline));
    }

    [Fact]
    public void A_lookup_that_no_command_has_collected_is_a_bug_and_throws()
    {
        var keys = new BatchKeys();
        var collected = keys.Service(new ServiceSid(1));
        collected.AddUser(new UserLookup(World.Key("ada")));
        var overlay = new ServiceOverlay();
        overlay.BeginNew(collected, serviceId: 1);

        Assert.Null(overlay.FindUser(World.Key("ada")));
        Assert.Throws<InvalidOperationException>(() => overlay.FindUser(World.Key("bob")));
        Assert.Throws<InvalidOperationException>(() => overlay.FindPresence(World.Id("bob")));
        Assert.Throws<InvalidOperationException>(() => overlay.FindUser(new UserKey(new UserSid(7))));
        Assert.Throws<InvalidOperationException>(() => overlay.FindBinding(new BindingSid(7)));
        Assert.Throws<InvalidOperationException>(() => overlay.FindBinding(BindingType.Fcm, "endpoint"));
        Assert.Throws<InvalidOperationException>(() => overlay.Webhook);
        Assert.Throws<InvalidOperationException>(() => overlay.Notifications);
    }

    private static CreateApiKey NewKey(ServiceSid scope) =>
        new(RandomSids.NewApiKeySid(), new ApiKeySecret("salt", "hash"), "", ApiKeyRole.Admin, scope, certificateName: "");

    private static CreateUser NewUser(ServiceSid service, string identity) => new(service, World.Id(identity), "", "{}", default);
}
