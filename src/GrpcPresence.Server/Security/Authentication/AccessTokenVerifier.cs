using System.Text;
using System.Text.Json;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authorization;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// Verifies access tokens: JWTs that a back end signs with the secret of its API key, which names itself as the issuer. Their form is that
/// of the
/// helper libraries of the REST interface that the service implements. Safe from any thread.
/// </summary>
internal sealed class AccessTokenVerifier(ApiKeyCache keys, Account account, SecretFile secrets, TimeProvider time)
{
    /// <summary>The longest time from issue to expiry.</summary>
    public static readonly TimeSpan MaxLifetime = TimeSpan.FromHours(24);

    /// <summary>How far the issuer's clock may be ahead of this one.</summary>
    public static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    // Keyed hashes alone: a token that names an asymmetric algorithm, or none, is refused before any key is looked at.
    private static readonly string[] Algorithms = [SecurityAlgorithms.HmacSha256, SecurityAlgorithms.HmacSha384,
        SecurityAlgorithms.HmacSha512];

    // No copies of secrets stay behind in a cache of the library.
    private static readonly CryptoProviderFactory Providers = new() { CacheSignatureProviders = false };

    private static readonly JsonDocumentOptions StrictJson = new() { AllowDuplicateProperties = false };

    private readonly JsonWebTokenHandler _handler = new();

    /// <summary>The end user whom the token is for.</summary>
    /// <exception cref="PresenceException">Why the token is refused: one of the reasons of access tokens, ApiKeyRevoked.</exception>
    public async ValueTask<Caller> VerifyAsync(string text)
    {
        var (token, claims) = Read(text);
        if (!Algorithms.Contains(token.Alg))
            throw Refused(ErrorReason.AccessTokenAlgorithmRefused, "The access token's algorithm must be HS256, HS384 or HS512.");
        if (!ApiKeySid.TryParse(Find(claims, JwtRegisteredClaimNames.Iss), out var sid) || keys.Find(sid) is not { } issuer)
            throw IssuerRefused();
        var secret = await VerifySignatureAsync(token, issuer.Current);
        // What follows is told only to who holds a token that the issuer did sign.
        if (!issuer.Current.Accepts(secret, time.GetUtcNow()))
            throw PresenceErrors.ApiKeyRevoked(sid);
        var (service, identity) = ReadGrants(claims);
        if (issuer.Current.Role < ApiKeyRole.Service || (issuer.Current.Scope is { } scope && scope != service))
            throw IssuerRefused();
        if (!account.MayBe(Find(claims, JwtRegisteredClaimNames.Sub)))
            throw Refused(ErrorReason.AccessTokenIssuerRefused, "The access token's subject is another account.");
        return Caller.EndUser(issuer, secret, service, identity, CheckTimes(claims));
    }

    /// <summary>
    /// The token, and its claims as they stand there: the library turns some into other types, and takes the last of two of a name.
    /// </summary>
    private static (JsonWebToken Token, JsonElement Claims) Read(string text)
    {
        try
        {
            var token = new JsonWebToken(text);
            if (token.IsEncrypted || token.TryGetHeaderValue<object>("crit", out _))
                throw Malformed("It must be signed, without extensions.");
            using var payload = JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(token.EncodedPayload), StrictJson);
            return payload.RootElement.ValueKind == JsonValueKind.Object ? (token, payload.RootElement.Clone())
                : throw Malformed("It has no claims.");
        }
        catch (Exception exception) when (
            exception is ArgumentException or SecurityTokenException or JsonException or FormatException or InvalidOperationException)
        {
            throw Malformed("It is no JWT.");
        }
    }

    /// <summary>Which of the issuer's secrets signed the token, be it in force or not.</summary>
    private async ValueTask<ApiKeySecret> VerifySignatureAsync(JsonWebToken token, ApiKey issuer)
    {
        foreach (var stored in new[] { issuer.Secret, issuer.PreviousSecret })
        {
            if (stored is null || secrets.Find(issuer.Sid, stored) is not { } secret)
                continue;
            var result = await _handler.ValidateTokenAsync(token, new TokenValidationParameters
            {
                IssuerSigningKey = new SymmetricSecurityKey(Encoding.UTF8.GetBytes(secret)),
                CryptoProviderFactory = Providers,
                ValidAlgorithms = Algorithms,
                RequireSignedTokens = true,
                // By the injected clock, below.
                ValidateLifetime = false,
                RequireExpirationTime = false,
                ValidateIssuer = false, // it has named the key
                ValidateAudience = false, // it has none
            });
            if (result.IsValid)
                return stored;
        }
        throw Refused(ErrorReason.AccessTokenSignatureInvalid, "The access token is not signed with its issuer's secret.");
    }

    private static (ServiceSid Service, Identity Identity) ReadGrants(JsonElement claims)
    {
        if (claims.TryGetProperty("grants", out var grants)
            && Identity.TryParse(Find(grants, "identity") ?? "", out var identity)
            && grants.TryGetProperty("chat", out var chat)
            && ServiceSid.TryParse(Find(chat, "service_sid"), out var service))
        {
            return (service, identity);
        }
        throw Malformed("Its grants must have an identity, and the SID of a service instance under chat.");
    }

    private static string? Find(JsonElement from, string name)
    {
        if (from.ValueKind != JsonValueKind.Object || !from.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.String)
            return null;
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            return null; // half of a surrogate pair, which is text to JSON and to nobody else
        }
    }

    /// <summary>When the token expires.</summary>
    private DateTimeOffset CheckTimes(JsonElement claims)
    {
        var now = time.GetUtcNow();
        var expires = TimeOf(claims, JwtRegisteredClaimNames.Exp) ?? throw Malformed("It must expire.");
        var issued = TimeOf(claims, JwtRegisteredClaimNames.Iat);
        var begins = TimeOf(claims, JwtRegisteredClaimNames.Nbf);
        if (now >= expires)
            throw AccessErrors.AccessTokenExpired();
        if (issued > now + ClockSkew || begins > now + ClockSkew)
            throw Refused(ErrorReason.AccessTokenNotYetValid, "The access token is not valid yet.");
        // Also from now: who leaves both times away may not make a token that is valid for years.
        if (expires - (issued ?? begins ?? now) > MaxLifetime || expires - now > MaxLifetime + ClockSkew)
            throw Refused(ErrorReason.AccessTokenLifetimeTooLong, "The access token may be valid for 24 hours at the most.");
        return expires;
    }

    /// <summary>Seconds since 1970, which may have a fraction (RFC 7519, section 2); null when the claim is not there.</summary>
    private static DateTimeOffset? TimeOf(JsonElement claims, string claim)
    {
        if (!claims.TryGetProperty(claim, out var value))
            return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var seconds)
            && seconds >= 0 && seconds < DateTimeOffset.MaxValue.ToUnixTimeSeconds())
        {
            return DateTimeOffset.UnixEpoch.AddSeconds(seconds);
        }
        throw Malformed($"Its {claim} must be a number of seconds.");
    }

    private static PresenceException IssuerRefused() =>
        Refused(ErrorReason.AccessTokenIssuerRefused, "The access token's issuer is no API key that may issue it.");

    private static PresenceException Malformed(string what) =>
        Refused(ErrorReason.AccessTokenMalformed, "The access token cannot be used. " + what);

    private static PresenceException Refused(ErrorReason reason, string message) => new(reason, message);
}
