using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Grpc.Core;
using GrpcPresence.Server.Tests.Fixture;
using GrpcPresence.V1;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Server.Tests.Security;

/// <summary>Tests which access tokens the server accepts, and the error for each one that it rejects.</summary>
public sealed class AccessTokenTests : IAsyncLifetime
{
    private GuardedServer _guarded = null!;
    private CreateApiKeyResponse _key = null!;

    public async ValueTask InitializeAsync()
    {
        _guarded = await GuardedServer.StartAsync();
        _key = await _guarded.NewKeyAsync(ApiKeyRole.Service);
    }

    public ValueTask DisposeAsync() => _guarded.DisposeAsync();

    [Theory]
    [InlineData("HS256")]
    [InlineData("HS384")]
    [InlineData("HS512")]
    public async Task Tokens_A_token_authenticates_its_identity(string algorithm)
    {
        var token = Token();
        token.Header["alg"] = algorithm;

        await _guarded.ReadAsync("Bearer " + token.Sign(_key.Secret));
        await _guarded.ReadAsync("bearer " + token.Sign(_key.Secret));
    }

    [Fact]
    public async Task Tokens_Times_may_have_fractions()
    {
        var token = Token();
        token.Claims["exp"] = _guarded.Time.GetUtcNow().ToUnixTimeSeconds() + 60.5;
        token.Claims["nbf"] = _guarded.Time.GetUtcNow().ToUnixTimeSeconds() - 0.5;

        await _guarded.ReadAsync("Bearer " + token.Sign(_key.Secret));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("RS256")]
    [InlineData("ES256")]
    [InlineData("HS1")]
    [InlineData("")]
    [InlineData(null)]
    public async Task Tokens_Another_algorithm_is_rejected(string? algorithm)
    {
        var token = Token();
        token.Header["alg"] = algorithm;

        await Rejected("ACCESS_TOKEN_ALGORITHM_REFUSED", token.Sign(_key.Secret));
    }

    [Fact]
    public async Task Tokens_A_token_without_a_signature_is_rejected()
    {
        var signed = Token().Sign(_key.Secret);

        await Rejected("ACCESS_TOKEN_SIGNATURE_INVALID", signed[..(signed.LastIndexOf('.') + 1)]);
    }

    [Fact]
    public async Task Tokens_Any_change_breaks_the_signature()
    {
        var parts = Token().Sign(_key.Secret).Split('.');
        var other = AccessToken.For(_key, "bob", _guarded.Own, _guarded.Time.GetUtcNow(), TimeSpan.FromHours(1)).Sign(_key.Secret).Split(
            '.');
        var header = AccessToken.Part("""{"alg":"HS512","typ":"JWT"}""");

        await Rejected("ACCESS_TOKEN_SIGNATURE_INVALID", $"{parts[0]}.{other[1]}.{parts[2]}");
        await Rejected("ACCESS_TOKEN_SIGNATURE_INVALID", $"{header}.{parts[1]}.{parts[2]}");
        await Rejected("ACCESS_TOKEN_SIGNATURE_INVALID", Token().Sign(_key.Secret + "x"));
        await Rejected("ACCESS_TOKEN_SIGNATURE_INVALID", Token().Sign((await _guarded.NewKeyAsync(ApiKeyRole.Service)).Secret));
    }

    [Fact]
    public async Task Tokens_The_hash_of_the_secret_signs_nothing()
    {
        // A stolen database contains the hash, so the hash must not be able to sign tokens.
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(_key.Secret)));

        await Rejected("ACCESS_TOKEN_SIGNATURE_INVALID", Token().Sign(hash));
    }

    [Fact]
    public async Task Equal_a_token_that_names_an_existing_key_and_one_that_names_none_get_the_same_answer()
    {
        var revoked = await _guarded.NewKeyAsync(ApiKeyRole.Service);
        await _guarded.Keys.RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = revoked.ApiKey.Sid });
        var reader = await _guarded.NewKeyAsync(ApiKeyRole.Read);
        foreach (var change in (Action<AccessToken>[])
            [
                _ => { },
                token => token.Header["alg"] = "none",
                token => token.Header["alg"] = "RS256",
                token => token.Claims["exp"] = 1,
                token => token.Claims.Remove("grants"),
                token => token.Claims["sub"] = "AC" + new string('9', 32),
            ])
        {
            var answers = new List<string>();
            foreach (var key in new[] { _key, revoked, reader, null })
            {
                foreach (var isSigned in new[] { true, false })
                {
                    var token = Token();
                    token.Claims["iss"] = key?.ApiKey.Sid ?? "SK" + new string('0', 32);
                    change(token);
                    var text = token.Sign("a secret of nobody");
                    var bearer = "Bearer " + (isSigned ? text : text[..(text.LastIndexOf('.') + 1)]);
                    var error = await Assert.ThrowsAsync<RpcException>(async () => await _guarded.ReadAsync(bearer));
                    // The time of the answer says nothing about the key.
                    var trailers = error.Trailers.Where(entry => entry.Key != "date").Select(Text);
                    answers.Add($"{error.Status.StatusCode} {error.Status.Detail} {string.Join(' ', trailers)}");
                    // The answers of a peer that fails often would wait for the clock.
                    _guarded.Time.Advance(TimeSpan.FromSeconds(1));
                }
            }
            Assert.Single(answers.Distinct());
        }

        static string Text(Metadata.Entry entry) => entry.IsBinary ? Convert.ToBase64String(entry.ValueBytes) : entry.Value;
    }

    [Fact]
    public async Task Tokens_A_wrong_issuer_is_rejected()
    {
        foreach (var issuer in new[] { "SK" + new string('0', 32), "AC" + new string('0', 32), "", "nonsense" })
        {
            var token = Token();
            token.Claims["iss"] = issuer;
            await Rejected("ACCESS_TOKEN_SIGNATURE_INVALID", token.Sign(_key.Secret));
        }
        var reader = await _guarded.NewKeyAsync(ApiKeyRole.Read);
        await Rejected("ACCESS_TOKEN_ISSUER_REFUSED", Token(reader).Sign(reader.Secret));
        var foreign = await _guarded.NewKeyAsync(ApiKeyRole.Service, _guarded.Foreign);
        await Rejected("ACCESS_TOKEN_ISSUER_REFUSED", Token(foreign).Sign(foreign.Secret));
    }

    [Fact]
    public async Task Tokens_An_expired_token_is_rejected_to_the_second()
    {
        var bearer = _guarded.Bearer(_key, "alice", lifetime: TimeSpan.FromSeconds(2));
        await _guarded.ReadAsync(bearer);
        _guarded.Time.Advance(TimeSpan.FromSeconds(2) - TimeSpan.FromTicks(1));
        await _guarded.ReadAsync(bearer);
        _guarded.Time.Advance(TimeSpan.FromTicks(1));

        await Rejected("ACCESS_TOKEN_EXPIRED", bearer["Bearer ".Length..]);
    }

    [Theory]
    [InlineData("nbf")]
    [InlineData("iat")]
    public async Task Tokens_A_token_of_the_future_is_rejected_beyond_a_minute(string claim)
    {
        var token = Token();
        var now = _guarded.Time.GetUtcNow().ToUnixTimeSeconds();
        token.Claims[claim] = now + 60;
        await _guarded.ReadAsync("Bearer " + token.Sign(_key.Secret));
        token.Claims[claim] = now + 61;

        await Rejected("ACCESS_TOKEN_NOT_YET_VALID", token.Sign(_key.Secret));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Tokens_A_token_for_more_than_a_day_is_rejected(bool saysWhenItWasIssued)
    {
        var token = AccessToken.For(_key, "alice", _guarded.Own, _guarded.Time.GetUtcNow(), TimeSpan.FromHours(24));
        if (!saysWhenItWasIssued)
            token.Claims.Remove("iat");
        await _guarded.ReadAsync("Bearer " + token.Sign(_key.Secret));
        token.Claims["exp"] = token.Claims["exp"]!.GetValue<long>() + 1;

        await Rejected("ACCESS_TOKEN_LIFETIME_TOO_LONG", token.Sign(_key.Secret));
    }

    [Theory]
    [InlineData("exp", null)]
    [InlineData("exp", "\"soon\"")]
    [InlineData("exp", "-1")]
    [InlineData("exp", "1e300")]
    [InlineData("nbf", "[]")]
    [InlineData("grants", null)]
    [InlineData("grants", "7")]
    [InlineData("grants", "{}")]
    [InlineData("grants", "{\"identity\":\"\",\"chat\":{\"service_sid\":\"OWN\"}}")]
    [InlineData("grants", "{\"identity\":7,\"chat\":{\"service_sid\":\"OWN\"}}")]
    [InlineData("grants", "{\"identity\":\"US00000000000000000000000000000001\",\"chat\":{\"service_sid\":\"OWN\"}}")]
    [InlineData("grants", "{\"identity\":\"alice\"}")]
    [InlineData("grants", "{\"identity\":\"alice\",\"chat\":7}")]
    [InlineData("grants", "{\"identity\":\"alice\",\"chat\":{\"service_sid\":\"IS1\"}}")]
    public async Task Tokens_A_token_without_a_required_claim_is_rejected(string claim, string? value)
    {
        var token = Token();
        token.Claims.Remove(claim);
        if (value is not null)
            token.Claims[claim] = JsonNode.Parse(value.Replace("OWN", _guarded.Own, StringComparison.Ordinal));

        await Rejected("ACCESS_TOKEN_MALFORMED", token.Sign(_key.Secret));
    }

    [Fact]
    public async Task Tokens_A_malformed_token_is_rejected()
    {
        foreach (var text in new[] { "", "x", "..", "a.b.c", "e30.e30.e30.e30.e30", new string('.', 5000), "{}" })
            await Rejected("ACCESS_TOKEN_MALFORMED", text);
        // Halves of surrogate pairs: JSON accepts them in a string, but they are not valid text.
        var unsigned = AccessToken.Part("""{"alg":"HS256"}""") + "." + AccessToken.Part("""{"grants":{"\ud800":1}}""") + ".";
        await Rejected("ACCESS_TOKEN_MALFORMED", unsigned);
        var critical = Token();
        critical.Header["crit"] = new JsonArray("exp");
        await Rejected("ACCESS_TOKEN_MALFORMED", critical.Sign(_key.Secret));
    }

    [Fact]
    public async Task Tokens_A_token_ends_with_the_secret_that_signed_it()
    {
        var bearer = _guarded.Bearer(_key, "alice");
        await _guarded.ReadAsync(bearer);

        var rotated = await _guarded.Keys.RotateApiKeyAsync(new RotateApiKeyRequest { ApiKeySid = _key.ApiKey.Sid });
        await Rejected("API_KEY_REVOKED", bearer["Bearer ".Length..]);

        _key.Secret = rotated.Secret;
        bearer = _guarded.Bearer(_key, "alice");
        await _guarded.ReadAsync(bearer);
        await _guarded.Keys.RevokeApiKeyAsync(new RevokeApiKeyRequest { ApiKeySid = _key.ApiKey.Sid });
        await Rejected("API_KEY_REVOKED", bearer["Bearer ".Length..]);
    }

    [Fact]
    public async Task Tokens_An_identity_with_half_of_a_surrogate_pair_is_rejected()
    {
        var payload = new JsonObject
        {
            ["iss"] = _key.ApiKey.Sid,
            ["exp"] = _guarded.Time.GetUtcNow().ToUnixTimeSeconds() + 60,
            ["grants"] = new JsonObject { ["identity"] = "IDENTITY", ["chat"] = new JsonObject { ["service_sid"] = _guarded.Own } },
        }.ToJsonString().Replace("IDENTITY", "\\ud800", StringComparison.Ordinal);

        await Rejected("ACCESS_TOKEN_MALFORMED", AccessToken.Sign(payload, _key.Secret));
        Assert.DoesNotContain(_guarded.Server.Log.Problems, entry => entry.Level >= LogLevel.Error);
    }

    [Fact]
    public async Task Tokens_White_space_around_a_token_is_ignored()
    {
        var token = Token().Sign(_key.Secret);

        await Rejected("ACCESS_TOKEN_SIGNATURE_INVALID", " " + token);
        await Rejected("ACCESS_TOKEN_SIGNATURE_INVALID", "\t" + token);
    }

    private AccessToken Token(CreateApiKeyResponse? key = null) =>
        AccessToken.For(key ?? _key, "alice", _guarded.Own, _guarded.Time.GetUtcNow(), TimeSpan.FromHours(1));

    private async Task Rejected(string reason, string token)
    {
        var error = await CallError.Of(_guarded.ReadAsync("Bearer " + token));
        Assert.Equal((StatusCode.Unauthenticated, reason), (error.Code, error.Reason));
    }
}
