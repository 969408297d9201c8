using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Tests.Presence.Fixture;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Testing;

namespace GrpcPresence.Core.Tests.Writing;

/// <summary>A service instance has a maximum number of users, which the writer counts.</summary>
public sealed class UserQuotaTests : IDisposable
{
    private const int Limit = 3;

    private readonly InMemoryPresenceStore _store = new();
    private readonly OwnMeters _meters = new();
    private readonly World _world;

    public UserQuotaTests() => _world = new World(_store, meters: _meters, usersPerService: Limit);

    public void Dispose()
    {
        _world.Dispose();
        _meters.Dispose();
    }

    [Fact]
    public async Task A_batch_that_crosses_the_limit_creates_users_up_to_it_and_rejects_only_the_rest()
    {
        var service = await _world.NewService();
        await _world.Create(service, "ada");
        var before = await _world.Revision(service);
        var bob = Submit(service, "bob");
        var cay = _world.Beat(service, "cay");
        var dan = Submit(service, "dan");
        var eve = _world.Beat(service, "eve");
        var again = Submit(service, "ada");
        var ada = _world.Beat(service, "ada");
        var renamed = _world.Queue.SubmitAsync(
            new UpdateUser(service.Sid, World.Key("ada"), identity: null, etag: "", new UserEdit("Ada", null, null)));
        _world.Writer.WriteOnce();

        Assert.Equal("bob", (await bob).Identity.ToString());
        await cay.Stored;
        AssertRejected(await Assert.ThrowsAsync<PresenceException>(() => dan));
        AssertRejected(await Assert.ThrowsAsync<PresenceException>(() => eve.Stored));
        Assert.Equal(ErrorReason.UserAlreadyExists, (await Assert.ThrowsAsync<PresenceException>(() => again)).Reason);
        await ada.Stored;
        Assert.Equal("Ada", (await renamed).Record!.FriendlyName);
        Assert.Equal(before + 4, await _world.Revision(service));
        Assert.Equal(3, await Count(service));
    }

    [Fact]
    public async Task A_rejected_heartbeat_leaves_no_session()
    {
        var service = await _world.NewService();
        await Fill(service);
        var dan = _world.Beat(service, "dan");
        Assert.Null(dan.Rejection);
        _world.Write();

        AssertRejected(await Assert.ThrowsAsync<PresenceException>(() => dan.Stored));
        Assert.Equal((0, 0), (_world.Tracker.TrackedUsers, _world.Tracker.LiveSessions));
    }

    [Fact]
    public async Task Deleting_a_user_makes_room_for_one_also_in_the_same_batch()
    {
        var service = await _world.NewService();
        await Fill(service);
        var deleted = _world.Queue.SubmitAsync(new DeleteUser(service.Sid, World.Key("user-1"), etag: ""));
        var dan = Submit(service, "dan");
        var eve = Submit(service, "eve");
        _world.Writer.WriteOnce();

        await deleted;
        await dan;
        AssertRejected(await Assert.ThrowsAsync<PresenceException>(() => eve));
        await _world.Delete(service, "user-2");
        await _world.Online(service, "eve");
        Assert.Equal(3, await Count(service));
    }

    [Fact]
    public async Task The_users_of_another_service_instance_do_not_count()
    {
        await Fill(await _world.NewService());
        await Fill(await _world.NewService());
    }

    [Fact]
    public async Task A_restart_forgets_nothing_and_a_lower_limit_deletes_no_user()
    {
        var service = await _world.NewService();
        await Fill(service);
        _store.Restart();
        using var world = new World(_store, usersPerService: 2);
        var again = await world.Services.GetAsync(service.Sid, default);

        AssertRejected(await Assert.ThrowsAsync<PresenceException>(() => world.Create(again, "dan")), limit: 2);
        await world.Online(again, "user-0");
        await world.Delete(again, "user-1");
        AssertRejected(await Assert.ThrowsAsync<PresenceException>(() => world.Create(again, "dan")), limit: 2);
        await world.Delete(again, "user-2");
        await world.Create(again, "dan");
        Assert.Equal(2, await Count(again));
    }

    [Fact]
    public async Task A_creation_whose_commit_failed_does_not_count_as_a_user()
    {
        var service = await _world.NewService();
        for (var i = 0; i < Limit; i++)
        {
            _store.Faults.FailCommit(CommitFault.BeforeEffect);
            await Assert.ThrowsAsync<StorageException>(() => _world.Create(service, "ada"));
        }
        await Fill(service);
    }

    [Fact]
    public async Task Rejections_are_counted()
    {
        var service = await _world.NewService();
        await Fill(service);
        var counts = new Dictionary<string, long>();
        using var listener = _meters.Listen<long>("presence.quota.refusals", (value, quota) => counts[quota] = value);
        _ = Submit(service, "dan");
        _ = _world.Beat(service, "eve");
        _world.Writer.WriteOnce();

        Assert.Equal(new Dictionary<string, long> { ["users"] = 2 }, counts);
    }

    [Fact]
    public async Task A_rejection_that_is_decided_again_is_counted_once()
    {
        var service = await _world.NewService();
        await Fill(service);
        var counts = new Dictionary<string, long>();
        using var listener = _meters.Listen<long>(
            "presence.quota.refusals", (value, quota) => counts[quota] = counts.GetValueOrDefault(quota) + value);
        _store.Faults.MakeNextCommitStale();
        _ = Submit(service, "dan");
        _ = _world.Queue.SubmitAsync(
            new UpdateUser(service.Sid, World.Key("user-1"), identity: null, etag: "", new UserEdit("Ada", null, null)));
        _world.Writer.WriteOnce();

        Assert.Equal(new Dictionary<string, long> { ["users"] = 1 }, counts);
    }

    private static void AssertRejected(PresenceException error, int limit = Limit)
    {
        Assert.Equal(ErrorReason.QuotaExceeded, error.Reason);
        Assert.Equal(
            new Dictionary<string, string> { ["quota"] = "users", ["subject"] = "service_instance", ["limit"] = $"{limit}" },
            error.Details);
        Assert.Equal(Limits.LevelQuotaRetry, error.RetryAfter);
    }

    private Task<UserState> Submit(CachedService service, string identity) =>
        _world.Queue.SubmitAsync(new CreateUser(service.Sid, World.Id(identity), "", "{}", default));

    private async Task Fill(CachedService service)
    {
        for (var i = 0; i < Limit; i++)
            await _world.Create(service, $"user-{i}");
        AssertRejected(await Assert.ThrowsAsync<PresenceException>(() => _world.Create(service, "one more")));
    }

    private async Task<long> Count(CachedService service) => (await _store.FindServiceAsync(service.Sid, default))!.UserCount;
}
