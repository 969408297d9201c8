using GrpcPresence.Core.Tests.Fixture;

namespace GrpcPresence.Core.Tests.Tenants;

/// <summary>What the cache of service instances guarantees when reads overtake commits.</summary>
public sealed class ServiceCacheTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_read_of_a_newer_service_instance_with_the_same_SID_ends_the_streams_of_the_older_one()
    {
        var older = await _world.NewService();
        var record = (await _world.Store.FindServiceAsync(older.Sid, default))!;

        var newer = _world.Services.Apply(record with { Id = record.Id + 1 });
        _world.Services.Remove(older.Sid, older.Id);

        Assert.True(older.IsDeleted);
        Assert.False(newer.IsDeleted);
        Assert.Same(newer, _world.Services.FindCached(older.Sid));
    }

    [Fact]
    public async Task A_read_of_an_older_service_instance_with_the_same_SID_changes_nothing()
    {
        var service = await _world.NewService();
        var record = (await _world.Store.FindServiceAsync(service.Sid, default))!;

        Assert.Same(service, _world.Services.Apply(record with { Id = record.Id - 1 }));
        Assert.False(service.IsDeleted);
    }
}
