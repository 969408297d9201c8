using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
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
/// Verifies access tokens: JWTs that a back end signs with the secret of its API key and whose issuer names that key. They have the form
/// that the helper libraries of the implemented REST interface create. Safe from any thread.
/// </summary>
internal sealed class AccessTokenVerifier(ApiKeyCache keys, Account account, SecretFile secrets, TimeProvider time)
{
    /// <summary>The longest time from issue to expiry.</summary>
    public static readonly TimeSpan MaxLifetime = TimeSpan.FromHours(24);

    /// <summary>How far the issuer's clock may be ahead of the server's clock.</summary>
    public static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    // Only keyed hashes. A token with an asymmetric algorithm, or without any, is rejected before any key is looked up.
    private static readonly Dictionary<string, HashAlgorithmName> Algorithms = new()
    {
        [SecurityAlgorithms.HmacSha256] = HashAlgorithmName.SHA256,
        [SecurityAlgorithms.HmacSha384] = HashAlgorithmName.SHA384,
        [SecurityAlgorithms.HmacSha512] = HashAlgorithmName.SHA512,
    };

    private static readonly SearchValues<char> SkippedByDecoder = SearchValues.Create(" \t\r\n=");

    private static readonly JsonDocumentOptions StrictJson = new() { AllowDuplicateProperties = false };

    /// <summary>Returns the end user that the token was issued for.</summary>
    /// <exception cref="PresenceException">Why the token is rejected: one of the reasons of access tokens, or ApiKeyRevoked.</exception>
    public Caller Verify(string text)
    {
        var (token, claims) = Read(text);
        if (token.Alg is not { } name || !Algorithms.TryGetValue(name, out var algorithm)) // a token may contain null
            throw Rejected(ErrorReason.AccessTokenAlgorithmRefused, "The access token's algorithm must be HS256, HS384 or HS512.");
        // An issuer that does not exist gets the same answer as a wrong signature, after the same work.
        var issuer = ApiKeySid.TryParse(Find(claims, JwtRegisteredClaimNames.Iss), out var sid) ? keys.Find(sid) : null;
        var secret = FindSigner(token, algorithm, sid, issuer?.Current);
        // The errors below reveal facts about the issuer. Only a caller with a token that the issuer signed gets them.
        if (issuer is null || secret is null)
            throw SignatureInvalid();
        if (!issuer.Current.Accepts(secret, time.GetUtcNow()))
            throw PresenceErrors.ApiKeyRevoked(sid);
        var (service, identity) = ReadGrants(claims);
        if (issuer.Current.Role < ApiKeyRole.Service || (issuer.Current.Scope is { } scope && scope != service))
            throw IssuerRejected();
        if (!account.AcceptsSubject(Find(claims, JwtRegisteredClaimNames.Sub)))
        {
            throw Rejected(ErrorReason.AccessTokenIssuerRefused,
                "The access token's subject is another account. Leave it out, or name this account.");
        }

        return Caller.EndUser(issuer, secret, service, identity, CheckTimes(claims));
    }

    /// <summary>
    /// Returns the token, and its claims as the payload has them. The library converts some claims to other types, and keeps the last of
    /// two claims with the same name.
    /// </summary>
    private static (JsonWebToken Token, JsonElement Claims) Read(string text)
    {
        try
        {
            var token = new JsonWebToken(text);
            if (token.IsEncrypted || token.TryGetHeaderValue<object>("crit", out _))
                throw Malformed("The access token must be signed, not encrypted, and have no critical extensions.");
            using var payload = JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(token.EncodedPayload), StrictJson);
            return payload.RootElement.ValueKind == JsonValueKind.Object ? (token, payload.RootElement.Clone())
                : throw Malformed("The access token has no claims.");
        }
        catch (Exception exception) when (
            exception is ArgumentException or SecurityTokenException or JsonException or FormatException or InvalidOperationException)
        {
            throw Malformed("The access token is not a JWT.");
        }
    }

    /// <summary>
    /// Returns the secret of the issuer that signed the token, even if that secret is no longer valid. Returns null if there is no such
    /// secret or issuer. Throws nothing: an exception costs several times as much as the signature, and anybody can send a token.
    /// </summary>
    private ApiKeySecret? FindSigner(JsonWebToken token, HashAlgorithmName algorithm, ApiKeySid sid, ApiKey? issuer)
    {
        var content = Encoding.ASCII.GetBytes($"{token.EncodedHeader}.{token.EncodedPayload}");
        var signature = ReadSignature(token.EncodedSignature);
        foreach (var stored in new[] { issuer?.Secret, issuer?.PreviousSecret })
        {
            var secret = secrets.Find(sid, stored ?? AbsentKey.Stored);
            var expected = CryptographicOperations.HmacData(algorithm, Encoding.UTF8.GetBytes(secret ?? AbsentKey.Secret), content);
            if (CryptographicOperations.FixedTimeEquals(expected, signature) && secret is not null && stored is not null)
                return stored;
        }
        return null;
    }

    private static byte[] ReadSignature(string encoded) =>
        encoded.AsSpan().ContainsAny(SkippedByDecoder) || !Base64Url.IsValid(encoded) ? [] : Base64Url.DecodeFromChars(encoded);

    private static (ServiceSid Service, Identity Identity) ReadGrants(JsonElement claims)
    {
        if (claims.TryGetProperty("grants", out var grants)
            && Identity.TryParse(Find(grants, "identity") ?? "", out var identity)
            && grants.TryGetProperty("chat", out var chat)
            && ServiceSid.TryParse(Find(chat, "service_sid"), out var service))
        {
            return (service, identity);
        }
        throw Malformed("The access token's grants must have an identity and, under chat, the SID of a service instance.");
    }

    private static string? Find(JsonElement claims, string name)
    {
        if (claims.ValueKind != JsonValueKind.Object || !claims.TryGetProperty(name, out var value)
            || value.ValueKind != JsonValueKind.String)
        {
            return null;
        }

        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            return null; // an unpaired surrogate, which JSON allows but UTF-8 cannot encode
        }
    }

    /// <summary>Checks the times of the token and returns when the token expires.</summary>
    private DateTimeOffset CheckTimes(JsonElement claims)
    {
        var now = time.GetUtcNow();
        var expires = TimeOf(claims, JwtRegisteredClaimNames.Exp) ?? throw Malformed("The access token has no expiry time. Set exp.");
        var issued = TimeOf(claims, JwtRegisteredClaimNames.Iat);
        var begins = TimeOf(claims, JwtRegisteredClaimNames.Nbf);
        if (now >= expires)
            throw AccessErrors.AccessTokenExpired();
        if (issued > now + ClockSkew || begins > now + ClockSkew)
            throw Rejected(ErrorReason.AccessTokenNotYetValid, "The access token is not valid yet.");
        // The lifetime is also measured from now. Otherwise an issuer could leave out iat and nbf, and make a token that is valid for
        // years.
        if (expires - (issued ?? begins ?? now) > MaxLifetime || expires - now > MaxLifetime + ClockSkew)
            throw Rejected(ErrorReason.AccessTokenLifetimeTooLong, "The access token's lifetime is too long. The maximum is 24 hours.");
        return expires;
    }

    /// <summary>
    /// Returns the time of a claim in seconds since 1970, which may have a fraction (RFC 7519, section 2). Returns null when the claim is
    /// missing.
    /// </summary>
    private static DateTimeOffset? TimeOf(JsonElement claims, string claim)
    {
        if (!claims.TryGetProperty(claim, out var value))
            return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var seconds)
            && seconds >= 0 && seconds < DateTimeOffset.MaxValue.ToUnixTimeSeconds())
        {
            return DateTimeOffset.UnixEpoch.AddSeconds(seconds);
        }
        throw Malformed($"The access token's {claim} must be a number of seconds.");
    }

    private static PresenceException SignatureInvalid() => Rejected(
        ErrorReason.AccessTokenSignatureInvalid, "The access token is not signed with the secret of its issuer, which must be an API key.");

    private static PresenceException IssuerRejected() =>
        Rejected(ErrorReason.AccessTokenIssuerRefused, "The access token's issuer is not an API key that may issue it.");

    private static PresenceException Malformed(string message) =>
        Rejected(ErrorReason.AccessTokenMalformed, message);

    private static PresenceException Rejected(ErrorReason reason, string message) => new(reason, message);
}
