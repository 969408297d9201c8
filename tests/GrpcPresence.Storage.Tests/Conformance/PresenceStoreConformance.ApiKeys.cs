using GrpcPresence.Core.Domain.ApiKeys;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>API keys.</summary>
public abstract partial class PresenceStoreConformance
{
    [Fact]
    public async Task An_api_key_comes_back_as_it_was_inserted()
    {
        var service = Write(transaction => transaction.InsertService(Sample.Service(1)));
        var plain = NewKey(1);
        var full = NewKey(2) with
        {
            FriendlyName = "naïve 🙂",
            Role = ApiKeyRole.Read,
            Scope = service.Sid,
            CertificateName = "spiffe://mesh/orders",
            PreviousSecret = new ApiKeySecret("p-salt", "p-hash"),
            PreviousSecretUntil = Sample.Time.AddTicks(3),
            RotateTime = Sample.Time.AddTicks(2),
            RevokeTime = Sample.Time.AddTicks(4),
        };

        plain = plain with { Id = Write(transaction => transaction.InsertApiKey(plain)).Id };
        full = full with { Id = Write(transaction => transaction.InsertApiKey(full)).Id };

        Assert.True(plain.Id > 0 && full.Id > plain.Id);
        Assert.Equal([plain, full], await Store.ListApiKeysAsync(Stop));
        Write(transaction =>
        {
            Assert.Equal(plain, transaction.FindApiKey(plain.Sid));
            Assert.Equal(full, transaction.FindApiKey(full.Sid));
            Assert.Null(transaction.FindApiKey(new ApiKeySid(3)));
        });
    }

    [Fact]
    public async Task An_api_key_is_updated_in_its_secrets_and_their_times_alone()
    {
        var key = Write(transaction => transaction.InsertApiKey(NewKey(1)));
        var changed = key with
        {
            Secret = new ApiKeySecret("n-salt", "n-hash"),
            PreviousSecret = key.Secret,
            PreviousSecretUntil = Sample.Time.AddDays(1),
            RotateTime = Sample.Time.AddHours(1),
            RevokeTime = Sample.Time.AddHours(2),
        };

        Write(transaction =>
            transaction.UpdateApiKey(changed with { FriendlyName = "other", Role = ApiKeyRole.Read, CertificateName = "other" }));

        Assert.Equal([changed], await Store.ListApiKeysAsync(Stop));
    }

    [Fact]
    public async Task Api_keys_that_are_not_committed_are_not_there()
    {
        using (var transaction = Store.BeginTransaction())
        {
            transaction.InsertApiKey(NewKey(1));
            Assert.NotNull(transaction.FindApiKey(NewKey(1).Sid));
        }

        Assert.Empty(await Store.ListApiKeysAsync(Stop));
    }

    [Fact]
    public void Api_keys_in_force_and_revoked_are_counted_by_exact_scope()
    {
        var service = Write(transaction => transaction.InsertService(Sample.Service(1)));
        Write(transaction =>
        {
            transaction.InsertApiKey(NewKey(1));
            transaction.InsertApiKey(NewKey(2) with { RevokeTime = Sample.Time });
            transaction.InsertApiKey(NewKey(3) with { RevokeTime = Sample.Time });
            var inForce = transaction.InsertApiKey(NewKey(4) with { Scope = service.Sid });
            transaction.InsertApiKey(NewKey(5) with { Scope = service.Sid, RevokeTime = Sample.Time });

            Assert.Equal((1, 2), transaction.CountApiKeys(null));
            Assert.Equal((1, 1), transaction.CountApiKeys(service.Sid));
            Assert.Equal((0, 0), transaction.CountApiKeys(Sample.ServiceSid(2)));
            Assert.Equal([inForce], transaction.ListApiKeysInForce(service.Sid));
        });
    }

    [Fact]
    public void A_certificate_name_finds_the_key_in_force_and_no_other()
    {
        Write(transaction =>
        {
            transaction.InsertApiKey(NewKey(1));
            transaction.InsertApiKey(NewKey(2) with { CertificateName = "a.example", RevokeTime = Sample.Time });
            Assert.Null(transaction.FindApiKey("a.example"));
            var key = transaction.InsertApiKey(NewKey(3) with { CertificateName = "a.example" });

            Assert.Equal(key, transaction.FindApiKey("a.example"));
            Assert.Null(transaction.FindApiKey("A.example"));
        });
    }

    [Fact]
    public async Task The_key_of_the_scope_that_was_revoked_first_is_removed_first()
    {
        var service = Write(transaction => transaction.InsertService(Sample.Service(1)));
        var (left, other) = Write(transaction =>
        {
            var newer = transaction.InsertApiKey(NewKey(1) with { RevokeTime = Sample.Time.AddHours(1) });
            var older = transaction.InsertApiKey(NewKey(2) with { RevokeTime = Sample.Time });
            var scoped = transaction.InsertApiKey(NewKey(3) with { Scope = service.Sid, RevokeTime = Sample.Time.AddHours(-1) });
            Assert.Equal(older, transaction.DeleteOldestRevokedApiKey(null));
            Assert.Null(transaction.DeleteOldestRevokedApiKey(Sample.ServiceSid(2)));
            return (newer, scoped);
        });

        Assert.Equal([left, other], await Store.ListApiKeysAsync(Stop));
    }

    private static ApiKey NewKey(int number) => new()
    {
        Sid = new ApiKeySid((UInt128)number),
        FriendlyName = "",
        Role = ApiKeyRole.Admin,
        Secret = new ApiKeySecret($"salt-{number}", $"hash-{number}"),
        PreviousSecretUntil = default,
        CreateTime = Sample.Time,
    };
}
