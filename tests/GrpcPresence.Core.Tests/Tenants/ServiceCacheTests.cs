using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Tenants;

/// <summary>What the cache of service instances guarantees when reads overtake commits, and when other nodes commit.</summary>
public sealed class ServiceCacheTests : IDisposable
{
    private readonly World _world = new();
    private readonly World _other;
    private int _switches; // that other nodes have made

    public ServiceCacheTests()
    {
        _other = new World(_world.Store.OpenAnotherWriter());
        _world.Services.SwitchedOn += _world.Tracker.Reconsider;
        _world.Services.SwitchedOn += _ => _switches++;
    }

    public void Dispose()
    {
        _other.Dispose();
        _world.Dispose();
    }

    [Fact]
    public async Task A_read_of_a_newer_service_instance_with_the_same_SID_ends_the_streams_of_the_older_one()
    {
        var older = await _world.NewService();
        var record = await Stored(older);

        var newer = _world.Services.Apply(record with { Id = record.Id + 1 }, _world.Services.Generation);
        _world.Services.Remove(older.Sid, older.Id);

        Assert.True(older.IsDeleted);
        Assert.False(newer.IsDeleted);
        Assert.Same(newer, _world.Services.FindCached(older.Sid));
    }

    [Fact]
    public async Task A_read_of_an_older_service_instance_with_the_same_SID_changes_nothing()
    {
        var service = await _world.NewService();
        var record = await Stored(service);

        Assert.Same(service, _world.Services.Apply(record with { Id = record.Id - 1 }, _world.Services.Generation));
        Assert.False(service.IsDeleted);
    }

    [Fact]
    public async Task A_record_of_lost_data_replaces_none_of_the_data_that_is_left_whatever_its_revision()
    {
        var service = await _world.NewService();
        var (record, before) = (await Stored(service), _world.Services.Generation);
        var lost = record with
        {
            Configuration = record.Configuration with { Revision = record.Revision + 5, SessionTimeout = TimeSpan.FromHours(1) },
        };
        _world.Services.Reset();
        _world.Services.Apply(record, _world.Services.Generation);

        _world.Services.Apply(lost, before); // its read or commit was late

        Assert.Equal(record.Configuration.SessionTimeout, service.Configuration.SessionTimeout);
    }

    [Fact]
    public async Task A_switch_with_the_revision_of_one_that_is_lost_is_taken_again()
    {
        var service = await _world.NewService();
        await _world.Switch(service.Sid, on: true);
        var record = await Stored(service);
        Assert.False(service.TryTakeSwitch()); // the writer has taken it

        _world.Services.Reset();
        _world.Services.Update(record);

        Assert.False(service.TryTakeSwitch()); // the event has taken it
        Assert.Equal(1, _switches);
    }

    [Fact]
    public async Task An_older_record_that_arrives_after_a_newer_one_changes_nothing()
    {
        var service = await _world.NewService();
        var timeout = service.Configuration.SessionTimeout;
        var older = await Stored(service);
        await _other.Configure(service.Sid, before => before with { SessionTimeout = 2 * timeout });

        _world.Services.Update(await Stored(service));
        _world.Services.Update(older);

        Assert.Equal(2 * timeout, service.Configuration.SessionTimeout);
    }

    [Fact]
    public async Task A_record_that_arrives_after_the_deletion_does_not_bring_the_service_instance_back()
    {
        var service = await _world.NewService();
        var record = await Stored(service);
        await _other.Do(new DeleteServiceInstance(service.Sid));

        _world.Services.Remove(service.Sid, service.Id);
        _world.Services.Update(record);

        Assert.True(service.IsDeleted);
        Assert.Null(_world.Services.FindCached(service.Sid));
    }

    [Fact]
    public async Task Reachability_that_another_node_switches_on_brings_the_tracked_users_online()
    {
        var service = await _world.NewService(reachability: false);
        await _world.Create(service, "ada");
        await _world.Online(service, "ada");
        await _other.Switch(service.Sid, on: true);
        Assert.Null((await _world.Get(service, "ada"))!.IsOnline);

        _world.Services.Update(await Stored(service));
        _world.Write();

        Assert.True((await _world.Get(service, "ada"))!.IsOnline);
    }

    [Fact]
    public async Task Reachability_that_another_node_switched_on_is_noticed_in_a_commit_that_shows_it_first()
    {
        var service = await _world.NewService(reachability: false);
        await _world.Create(service, "ada");
        await _world.Online(service, "ada");
        await _other.Switch(service.Sid, on: true);

        // The commit reads the new configuration, so that a later message contains nothing new.
        await _world.Rename(service, "ada", "Ada");
        _world.Write();
        _world.Services.Update(await Stored(service));

        Assert.True((await _world.Get(service, "ada"))!.IsOnline);
    }

    [Fact]
    public async Task A_switch_is_taken_once()
    {
        var service = await _world.NewService(reachability: false);
        var switches = 0;
        _world.Services.SwitchedOn += _ => switches++;
        await _other.Switch(service.Sid, on: true);

        _world.Services.Update(await Stored(service));
        _world.Services.Update(await Stored(service));
        await _world.Services.GetAsync(service.Sid, default);

        Assert.Equal(1, switches);
    }

    [Fact]
    public async Task After_lost_commits_the_store_counts_and_the_object_stays()
    {
        var service = await _world.NewService();
        var kept = service.Configuration;
        var backup = _world.Store.Image;
        await _world.Configure(service.Sid, before => before with { SessionTimeout = before.SessionTimeout * 2 });
        _world.Store.Restore(backup);

        _world.Services.Reset();
        Assert.Same(service, await _world.Services.GetAsync(service.Sid, default));

        Assert.Equal(kept.Revision, service.Configuration.Revision);
        Assert.Equal(kept.SessionTimeout, service.Configuration.SessionTimeout);
    }

    [Fact]
    public async Task After_lost_commits_a_read_that_began_before_changes_nothing()
    {
        var lost = await _world.Do(new CreateServiceInstance(sid: null, "test"));
        var backup = _world.Store.Image;
        await _world.Switch(lost.Sid, on: true);
        var service = _other.Services.Apply(lost, _other.Services.Generation); // not the newest
        _other.Services.Reset();
        _other.Store.Faults.StallAllReads(after: 0);
        var reading = _other.Services.GetAsync(lost.Sid, default).AsTask();
        _world.Store.Restore(backup);
        _other.Services.Reset();

        _other.Store.Faults.Clear();

        Assert.Same(service, await reading);
        Assert.False(service.Configuration.ReachabilityEnabled);
    }

    [Fact]
    public async Task After_lost_commits_one_that_is_published_late_counts_for_nothing()
    {
        var service = await _world.NewService();
        var kept = service.Configuration;
        var backup = _world.Store.Image;
        await _world.Configure(service.Sid, before =>
        {
            _world.Services.Reset(); // while the writer decides: it publishes after that
            return before with { SessionTimeout = before.SessionTimeout * 2 };
        });
        _world.Store.Restore(backup);

        await _world.Services.GetAsync(service.Sid, default);

        Assert.Equal(kept.SessionTimeout, service.Configuration.SessionTimeout);
    }

    [Fact]
    public async Task After_lost_commits_a_creation_that_is_published_late_replaces_nothing()
    {
        var service = await _world.NewService();
        var lost = (await Stored(service)) with { Id = service.Id + 1 };
        var before = _world.Services.Generation;
        _world.Services.Reset();
        await _world.Services.GetAsync(service.Sid, default);

        Assert.Same(service, _world.Services.Apply(lost, before));

        Assert.False(service.IsDeleted);
    }

    [Fact]
    public async Task A_service_instance_whose_creation_is_lost_is_removed()
    {
        var backup = _world.Store.Image;
        var service = await _world.NewService();
        _world.Store.Restore(backup);

        _world.Services.Reset();
        var error = await Assert.ThrowsAsync<PresenceException>(() => _world.Services.GetAsync(service.Sid, default).AsTask());

        Assert.Equal(ErrorReason.ServiceInstanceNotFound, error.Reason);
        Assert.True(service.IsDeleted);
    }

    [Fact]
    public async Task A_service_instance_that_takes_the_key_of_a_lost_one_is_another_one()
    {
        var service = await _world.NewService();
        var record = await Stored(service);
        _world.Services.Reset();

        var other = _world.Services.Apply(record with { CreateTime = record.CreateTime.AddSeconds(1) }, _world.Services.Generation);

        Assert.NotSame(service, other);
        Assert.True(service.IsDeleted);
    }

    private async Task<ServiceRecord> Stored(CachedService service) => (await _world.Store.FindServiceAsync(service.Sid, default))!;
}
