using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Writing.Commands;

namespace GrpcPresence.Core.Tests.Tenants;

/// <summary>The API keys in memory.</summary>
public sealed class ApiKeyCacheTests
{
    [Fact]
    public void A_key_that_one_commit_revokes_and_removes_is_gone()
    {
        var cache = new ApiKeyCache();
        var key = NewKey(1);
        cache.Apply([key, NewKey(2)], []);

        var revoked = key with { RevokeTime = DateTimeOffset.UnixEpoch };
        cache.Apply([revoked], [revoked]);

        Assert.Null(cache.Find(key.Sid));
        Assert.Null(cache.FindByCertificateName(key.CertificateName));
        Assert.Equal([NewKey(2)], cache.List());
    }

    [Fact]
    public void A_revoked_key_that_is_applied_again_does_not_take_the_certificate_name_from_a_later_key()
    {
        var cache = new ApiKeyCache();
        var revoked = NewKey(1) with { RevokeTime = DateTimeOffset.UnixEpoch };
        var later = NewKey(2) with { CertificateName = revoked.CertificateName };
        cache.Apply([revoked, later], []);

        cache.Apply([revoked with { FriendlyName = "old" }], []);

        Assert.Equal(later.Sid, cache.FindByCertificateName(later.CertificateName)?.Current.Sid);
    }

    [Fact]
    public void A_commit_without_keys_changes_no_version()
    {
        var cache = new ApiKeyCache();
        cache.Apply([NewKey(1)], []);
        var version = cache.Version;

        cache.Apply([], []);

        Assert.Equal(version, cache.Version);
    }

    [Fact]
    public async Task Keys_that_another_node_creates_and_revokes_are_known_after_a_reload()
    {
        using var world = new World();
        using var other = new World(world.Store.OpenAnotherWriter());
        await other.Do(Create(1));
        await other.Do(Create(2));
        await world.Keys.ReloadAsync(world.Store, default);
        var (first, second) = (world.Keys.Find(NewKey(1).Sid)!, world.Keys.Find(NewKey(2).Sid)!);
        var version = world.Keys.Version;

        await other.Do(new RevokeApiKey(NewKey(1).Sid));
        await world.Keys.ReloadAsync(world.Store, default);

        Assert.True(first.Current.IsRevoked);
        Assert.Null(world.Keys.FindByCertificateName("1.example"));
        Assert.Same(second, world.Keys.FindByCertificateName("2.example"));
        Assert.NotEqual(version, world.Keys.Version);
    }

    [Fact]
    public async Task A_key_that_is_committed_here_while_the_others_are_read_stays()
    {
        using var world = new World();
        await world.Do(Create(1));
        world.Store.Faults.StallAllReads(after: 0);
        var reload = world.Keys.ReloadAsync(world.Store, default);
        await world.Do(Create(2));
        world.Store.Faults.Clear();

        await reload;

        Assert.NotNull(world.Keys.Find(NewKey(2).Sid));
        Assert.Equal(2, world.Keys.List().Count);
    }

    [Fact]
    public async Task A_key_whose_creation_is_lost_is_revoked_and_callers_still_need_credentials()
    {
        using var world = new World();
        var backup = world.Store.Image;
        await world.Do(Create(1));
        var known = world.Keys.Find(NewKey(1).Sid)!;
        world.Store.Restore(backup);

        await world.Keys.ReloadAsync(world.Store, default);

        Assert.True(known.Current.IsRevoked);
        Assert.Null(world.Keys.Find(NewKey(1).Sid));
        Assert.Null(world.Keys.FindByCertificateName("1.example"));
        Assert.False(world.Keys.IsEmpty);
    }

    private static CreateApiKey Create(int number) => new(
        NewKey(number).Sid, NewKey(number).Secret, "", ApiKeyRole.Admin, (ServiceSid?)null, NewKey(number).CertificateName);

    private static ApiKey NewKey(int number) => new()
    {
        Id = number,
        Sid = new ApiKeySid((UInt128)number),
        FriendlyName = "",
        Role = ApiKeyRole.Admin,
        CertificateName = $"{number}.example",
        Secret = new ApiKeySecret("salt", "hash"),
        CreateTime = DateTimeOffset.UnixEpoch,
    };
}
