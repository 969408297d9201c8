using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Storage.Tests.Conformance;

/// <summary>API keys.</summary>
public abstract partial class PresenceStoreConformance
{
    [Fact]
    public async Task An_api_key_comes_back_as_it_was_inserted()
    {
        var service = Write(session => session.InsertService(Sample.Service(1)));
        var plain = Sample.ApiKey(1);
        var full = Sample.ApiKey(2) with
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

        plain = plain with { Id = Write(session => session.InsertApiKey(plain)).Id };
        full = full with { Id = Write(session => session.InsertApiKey(full)).Id };

        Assert.True(plain.Id > 0 && full.Id > plain.Id);
        Assert.Equal([plain, full], await Store.ListApiKeysAsync(Stop));
        var keys = new BatchKeys();
        keys.AddApiKey(plain.Sid);
        keys.AddApiKey(new ApiKeySid(3));
        keys.AddApiKey(full.Sid);
        Assert.Equal([plain, null, full], Session.Read(keys).ApiKeys);
    }

    [Fact]
    public async Task An_api_key_is_updated_in_its_secrets_and_their_times_alone()
    {
        var key = Write(session => session.InsertApiKey(Sample.ApiKey(1)));
        var changed = key with
        {
            Secret = new ApiKeySecret("n-salt", "n-hash"),
            PreviousSecret = key.Secret,
            PreviousSecretUntil = Sample.Time.AddDays(1),
            RotateTime = Sample.Time.AddHours(1),
            RevokeTime = Sample.Time.AddHours(2),
        };

        Write(session =>
            session.UpdateApiKey(changed with { FriendlyName = "other", Role = ApiKeyRole.Read, CertificateName = "other" }));

        Assert.Equal([changed], await Store.ListApiKeysAsync(Stop));
    }

    [Fact]
    public void Api_keys_in_force_and_revoked_are_read_by_exact_scope()
    {
        var service = Write(session => session.InsertService(Sample.Service(1)));
        ApiKey[] added = [
            .. Write(session => new[]
            {
                session.InsertApiKey(Sample.ApiKey(1)),
                session.InsertApiKey(Sample.ApiKey(2) with { RevokeTime = Sample.Time }),
                session.InsertApiKey(Sample.ApiKey(3) with { Scope = service.Sid }),
                session.InsertApiKey(Sample.ApiKey(4) with { RevokeTime = Sample.Time }),
                session.InsertApiKey(Sample.ApiKey(5) with { Scope = service.Sid, RevokeTime = Sample.Time }),
            }),
        ];

        var keys = new BatchKeys();
        keys.AddApiKeyScope(null);
        keys.AddApiKeyScope(service.Sid);
        keys.AddApiKeyScope(Sample.ServiceSid(2));
        Assert.Equal<IEnumerable<ApiKey>>(
            [[added[0], added[1], added[3]], [added[2], added[4]], []], Session.Read(keys).ApiKeysByScope);
    }

    [Fact]
    public void A_certificate_name_finds_the_key_in_force_and_no_other()
    {
        var keys = new BatchKeys();
        keys.AddCertificateName("a.example");
        keys.AddCertificateName("A.example");
        Write(session =>
        {
            session.InsertApiKey(Sample.ApiKey(1));
            session.InsertApiKey(Sample.ApiKey(2) with { CertificateName = "a.example", RevokeTime = Sample.Time });
        });
        Assert.Equal([null, null], Session.Read(keys).ApiKeysByName);

        var key = Write(session => session.InsertApiKey(Sample.ApiKey(3) with { CertificateName = "a.example" }));

        Assert.Equal([key, null], Session.Read(keys).ApiKeysByName);
    }

    [Fact]
    public async Task A_removed_api_key_is_gone_and_its_key_is_not_used_again()
    {
        var (kept, removed) = Write(session => (session.InsertApiKey(Sample.ApiKey(1)), session.InsertApiKey(Sample.ApiKey(2))));

        var next = Write(session =>
        {
            session.DeleteApiKey(removed);
            return session.InsertApiKey(Sample.ApiKey(3));
        });

        Assert.Equal([kept, next], await Store.ListApiKeysAsync(Stop));
        Assert.True(next.Id > removed.Id);
        Write(session => session.DeleteApiKey(next));
        Restart();
        Assert.True(Write(session => session.InsertApiKey(Sample.ApiKey(4))).Id > next.Id);
    }
}
