using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Tenants;

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
