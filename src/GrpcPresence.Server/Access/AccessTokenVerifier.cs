using System.Text;
using System.Text.Json;
using GrpcPresence.Core.Access;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Users;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace GrpcPresence.Server.Access;

/// <summary>
/// Verifies access tokens: JWTs that a back end signs with the secret of its API key, which names itself as the issuer. Their form is that of the
/// helper libraries of the REST interface that the service implements. Safe from any thread.
/// </summary>
internal sealed class AccessTokenVerifier(ApiKeyRing keys, SecretFile secrets, TimeProvider time)
{
    /// <summary>The longest time from issue to expiry.</summary>
    public static readonly TimeSpan MaxLifetime = TimeSpan.FromHours(24);

    /// <summary>How far the issuer's clock may be ahead of this one.</summary>
    public static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    private const string IdentityGrant = "identity";
    private const string ChatGrant = "chat";
    private const string ServiceGrant = "service_sid";
    private const string Grants = "grants";

    // Keyed hashes alone: a token that names an asymmetric algorithm, or none, is refused before any key is looked at.
    private static readonly string[] Algorithms = [SecurityAlgorithms.HmacSha256, SecurityAlgorithms.HmacSha384, SecurityAlgorithms.HmacSha512];

    // No copies of secrets stay behind in a cache of the library.
    private static readonly CryptoProviderFactory Providers = new() { CacheSignatureProviders = false };

    private readonly JsonWebTokenHandler _handler = new();

    /// <summary>The end user whom the token is for.</summary>
    /// <exception cref="PresenceException">Why the token is refused: one of the reasons of access tokens, ApiKeyRevoked.</exception>
    public async ValueTask<Caller> VerifyAsync(string text)
    {
        var token = Read(text);
        if (!Algorithms.Contains(token.Alg))
            throw Refused(ErrorReason.AccessTokenAlgorithmRefused, "The access token's algorithm must be HS256, HS384 or HS512.");
        if (!ApiKeySid.TryParse(token.Issuer, out var sid) || keys.Find(sid) is not { } issuer)
            throw IssuerRefused();
        var secret = await VerifySignatureAsync(token, issuer.Present);
        // What follows is told only to who holds a token that the issuer did sign.
        if (!issuer.Present.Accepts(secret, time.GetUtcNow()))
            throw AccessRefusals.ApiKeyRevoked(sid);
        var (service, identity) = ReadGrants(token);
        if (issuer.Present.Role < ApiKeyRole.Service || (issuer.Present.Scope is { } scope && scope != service))
            throw IssuerRefused();
        return new EndUserCaller(issuer, secret, service, identity, CheckTimes(token));
    }

    private static JsonWebToken Read(string text)
    {
        try
        {
            // Claims are read here, so that none that cannot be is met later.
            var token = new JsonWebToken(text);
            var isSigned = !token.IsEncrypted && !token.TryGetHeaderValue<object>("crit", out _);
            return isSigned && token.TryGetPayloadValue<JsonElement>(Grants, out _) ? token : throw Malformed("It must be signed, and have grants.");
        }
        catch (Exception fault) when (fault is ArgumentException or SecurityTokenException or JsonException or FormatException)
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

    private static (ServiceSid Service, Identity Identity) ReadGrants(JsonWebToken token)
    {
        if (token.TryGetPayloadValue<JsonElement>(Grants, out var grants)
            && Find(grants, IdentityGrant) is { } name && Identity.TryParse(name, out var identity)
            && grants.TryGetProperty(ChatGrant, out var chat)
            && ServiceSid.TryParse(Find(chat, ServiceGrant), out var service))
        {
            return (service, identity);
        }
        throw Malformed("Its grants must have an identity, and the SID of a service instance under chat.");
    }

    private static string? Find(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    /// <summary>When the token expires.</summary>
    private DateTimeOffset CheckTimes(JsonWebToken token)
    {
        var now = time.GetUtcNow();
        var expires = TimeOf(token, JwtRegisteredClaimNames.Exp) ?? throw Malformed("It must expire.");
        var issued = TimeOf(token, JwtRegisteredClaimNames.Iat);
        var begins = TimeOf(token, JwtRegisteredClaimNames.Nbf);
        if (now >= expires)
            throw Refused(ErrorReason.AccessTokenExpired, "The access token has expired.");
        if (issued > now + ClockSkew || begins > now + ClockSkew)
            throw Refused(ErrorReason.AccessTokenNotYetValid, "The access token is not valid yet.");
        // Also from now: who leaves both times away may not make a token that is valid for years.
        if (expires - (issued ?? begins ?? now) > MaxLifetime || expires - now > MaxLifetime + ClockSkew)
            throw Refused(ErrorReason.AccessTokenLifetimeTooLong, "The access token may be valid for 24 hours at the most.");
        return expires;
    }

    /// <summary>Seconds since 1970, which may have a fraction (RFC 7519, section 2); null when the claim is not there.</summary>
    private static DateTimeOffset? TimeOf(JsonWebToken token, string claim)
    {
        if (!token.TryGetPayloadValue<JsonElement>(claim, out var value))
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

    private static PresenceException Refused(ErrorReason reason, string message) => AccessRefusals.AccessToken(reason, message);
}
