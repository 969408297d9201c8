using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;

namespace GrpcPresence.Core.Tests.Presence;

/// <summary>What a node of a cluster remembers of users that calls named by SID: bounded, and fair to each service instance.</summary>
public sealed class SidCacheTests : IAsyncLifetime
{
    private const int Capacity = 100;

    private readonly World _world = new();
    private readonly SidCache _cache;
    private CachedService _small = null!;
    private CachedService _large = null!;

    public SidCacheTests() => _cache = new SidCache(_world.Services, Capacity);

    public async ValueTask InitializeAsync()
    {
        _small = await _world.NewService();
        _large = await _world.NewService();
    }

    public ValueTask DisposeAsync()
    {
        _world.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void An_entry_is_found_until_it_is_forgotten()
    {
        Add(_small, 1);

        Assert.True(_cache.TryFind(_small, SidOf(1), out var identity));
        Assert.Equal(World.Id("user1"), identity);
        Assert.False(_cache.TryFind(_large, SidOf(1), out _));
        Assert.True(_cache.Forget(_small, SidOf(1)));
        Assert.False(_cache.TryFind(_small, SidOf(1), out _));
        Assert.False(_cache.Forget(_small, SidOf(1)));
        Assert.Equal(0, _cache.Count);
    }

    [Fact]
    public void Fair_a_service_instance_with_many_users_takes_no_entry_from_one_with_few()
    {
        AddMany(_small, Capacity / 2);

        for (var user = 0; user < 20 * Capacity; user++)
        {
            Add(_large, user);
            Assert.InRange(_cache.Count, 1, Capacity);
        }

        Assert.Equal(Capacity / 2, Found(_small, Capacity / 2));
        Assert.Equal(Capacity, _cache.Count);
    }

    [Fact]
    public void Fair_a_new_service_instance_gets_the_place_of_one_with_more()
    {
        AddMany(_large, Capacity);
        for (var i = 0; i < 2; i++)
            Assert.Equal(Capacity, Found(_large, Capacity)); // all are in use

        AddMany(_small, Capacity / 2);

        Assert.Equal(Capacity / 2, Found(_small, Capacity / 2));
        Assert.Equal(Capacity / 2, Found(_large, Capacity));
    }

    [Fact]
    public void An_entry_that_is_used_stays_longer_than_one_that_is_not()
    {
        AddMany(_large, Capacity);
        for (var user = Capacity; user < 3 * Capacity; user++)
        {
            Assert.True(_cache.TryFind(_large, SidOf(0), out _));
            Add(_large, user);
        }

        Assert.True(_cache.TryFind(_large, SidOf(0), out _));
        Assert.False(_cache.TryFind(_large, SidOf(1), out _));
    }

    [Fact]
    public void OneTimeline_after_lost_commits_nothing_of_before_counts()
    {
        Add(_small, 1);
        var before = _cache.Generation;
        _world.Services.Reset();

        Assert.False(_cache.TryFind(_small, SidOf(1), out _));
        _cache.Add(_small, SidOf(2), World.Id("user2"), before); // its read began before
        Assert.False(_cache.TryFind(_small, SidOf(2), out _));
        Add(_small, 3);
        Assert.True(_cache.TryFind(_small, SidOf(3), out _));
        Assert.Equal(1, _cache.Count);
    }

    [Fact]
    public async Task Many_threads_find_what_they_added_and_the_bound_holds()
    {
        var cache = new SidCache(_world.Services, capacity: 1000);
        await Parallel.ForAsync(0, 8, TestContext.Current.CancellationToken, (worker, _) =>
        {
            for (var i = 0; i < 2000; i++)
            {
                var user = ((i * 7) + worker) % 1500;
                if (cache.TryFind(_small, SidOf(user), out var identity))
                    Assert.Equal(World.Id($"user{user}"), identity);
                else
                    cache.Add(_small, SidOf(user), World.Id($"user{user}"), cache.Generation);
                if (i % 5 == 0)
                    cache.Forget(_small, SidOf(user));
            }
            return ValueTask.CompletedTask;
        });

        Assert.InRange(cache.Count, 1, 1000);
        Assert.Equal(cache.Count, Enumerable.Range(0, 1500).Count(user => cache.TryFind(_small, SidOf(user), out _)));
    }

    private void AddMany(CachedService service, int count)
    {
        for (var user = 0; user < count; user++)
            Add(service, user);
    }

    private void Add(CachedService service, int user) => _cache.Add(service, SidOf(user), World.Id($"user{user}"), _cache.Generation);

    private int Found(CachedService service, int count) =>
        Enumerable.Range(0, count).Count(user => _cache.TryFind(service, SidOf(user), out _));

    private static UserSid SidOf(int user) => new((UInt128)user + 1);
}
