using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authentication;
using GrpcPresence.Server.Settings;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.Testing;
using Microsoft.Extensions.Time.Testing;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>Rejected credentials are remembered for a short time, and never when they may have become valid.</summary>
public sealed class RejectedCredentialsTests : IDisposable
{
    private const string Credentials = "Basic eDp5";

    private static readonly PresenceException Unsigned = new(ErrorReason.AccessTokenSignatureInvalid, "Not signed.");

    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _time = new();
    private readonly ApiKeyCache _keys = new();
    private readonly SecretFile _secrets;
    private readonly RejectedCredentials _rejected;

    public RejectedCredentialsTests()
    {
        _secrets = new SecretFile(new ServerSettings { SecretFile = _directory.File("secret") });
        _rejected = new RejectedCredentials(_keys, _secrets, _time);
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Remembered_the_same_credentials_get_the_same_error()
    {
        _secrets.GetOrCreateKey();
        _rejected.Add(Credentials, _rejected.Version, Unsigned);

        var error = _rejected.Find(Credentials);

        Assert.Equal((Unsigned.Reason, Unsigned.Message), (error!.Reason, error.Message));
        Assert.Null(_rejected.Find(Credentials + "x"));
    }

    [Fact]
    public void Valid_after_a_change_of_any_key_credentials_are_verified_again()
    {
        var before = _rejected.Version;
        _rejected.Add(Credentials, before, Invalid(ErrorReason.CredentialsInvalid));

        _keys.Apply([NewKey()], forgotten: []);

        Assert.Null(_rejected.Find(Credentials));
        _rejected.Add(Credentials, before, Invalid(ErrorReason.CredentialsInvalid)); // a verification that began before the change
        Assert.Null(_rejected.Find(Credentials));
    }

    [Fact]
    public void Valid_after_a_while_credentials_are_verified_again()
    {
        _rejected.Add(Credentials, _rejected.Version, Invalid(ErrorReason.CredentialsInvalid));

        _time.Advance(Limits.RejectedCredentialsLifetime);

        Assert.Null(_rejected.Find(Credentials));
    }

    [Theory]
    [InlineData(ErrorReason.AccessTokenNotYetValid)]
    [InlineData(ErrorReason.AccessTokenLifetimeTooLong)]
    [InlineData(ErrorReason.AccessTokenExpired)]
    [InlineData(ErrorReason.ApiKeyRevoked)]
    [InlineData(ErrorReason.StorageUnavailable)]
    public void Valid_rejections_that_depend_on_the_time_or_the_store_are_not_remembered(ErrorReason reason)
    {
        _rejected.Add(Credentials, _rejected.Version, Invalid(reason));

        Assert.Null(_rejected.Find(Credentials));
    }

    [Fact]
    public void Valid_without_the_file_of_secrets_no_signature_is_remembered_as_wrong()
    {
        _rejected.Add(Credentials, _rejected.Version, Unsigned);

        Assert.Null(_rejected.Find(Credentials));
    }

    [Fact]
    public void Bounded_a_limited_number_is_remembered_and_those_in_use_stay()
    {
        var long_ = new string('x', Limits.CachedCredentialsLength + 1);
        _rejected.Add(long_, _rejected.Version, Invalid(ErrorReason.CredentialsInvalid));
        Assert.Null(_rejected.Find(long_));
        _rejected.Add(Credentials, _rejected.Version, Invalid(ErrorReason.CredentialsInvalid));

        for (var i = 0; i < 3 * Limits.RejectedCredentials; i++)
        {
            _rejected.Add($"Basic {i}", _rejected.Version, Invalid(ErrorReason.CredentialsInvalid));
            if (i % 1000 == 0)
                Assert.NotNull(_rejected.Find(Credentials));
        }

        Assert.InRange(_rejected.Count, Limits.RejectedCredentials / 2, Limits.RejectedCredentials);
    }

    [Fact]
    public async Task Valid_a_token_that_is_rejected_before_its_time_is_accepted_at_its_time()
    {
        await using var guarded = await GuardedServer.StartAsync();
        var key = await guarded.NewKeyAsync(V1.ApiKeyRole.Service);
        var token = AccessToken.For(key, "ada", guarded.Own, guarded.Time.GetUtcNow(), TimeSpan.FromHours(1));
        token.Claims["nbf"] = guarded.Time.GetUtcNow().AddMinutes(2).ToUnixTimeSeconds();
        var bearer = "Bearer " + token.Sign(key.Secret);
        Assert.Equal("ACCESS_TOKEN_NOT_YET_VALID", (await CallError.Of(guarded.ReadAsync(bearer))).Reason);

        guarded.Time.Advance(TimeSpan.FromMinutes(1));

        await guarded.ReadAsync(bearer);
    }

    private static PresenceException Invalid(ErrorReason reason) => new(reason, "Invalid.");

    private static ApiKey NewKey() => new()
    {
        Sid = new ApiKeySid(1),
        FriendlyName = "",
        Role = ApiKeyRole.Service,
        Secret = ApiKeySecret.Of("00", "secret"),
        CreateTime = DateTimeOffset.UnixEpoch,
    };
}
