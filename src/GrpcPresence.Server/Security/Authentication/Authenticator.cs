using System.Runtime.CompilerServices;
using System.Text;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.AdminSocket;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Security.Tls;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// Tells who makes a call: over the admin socket, by the metadata <c>authorization</c>, by the client certificate, in this order. While no
/// API key was
/// ever made and the account has no secret, everybody is anonymous and credentials are not looked at. Safe from any thread.
/// </summary>
internal sealed class Authenticator(ApiKeyCache keys, Account account, AccessTokenVerifier tokens, ServerSettings settings,
    TimeProvider time)
{
    private const string Basic = "Basic ";
    private const string Bearer = "Bearer ";

    private readonly CallerCache _callers = new(Limits.CachedCallers);
    private readonly Caller _anonymous = Caller.Anonymous(keys, settings.AllowAnonymous);
    private readonly ConditionalWeakTable<CachedApiKey, Caller> _byCertificate = [];

    /// <summary>Whether there is anything that a caller could present: an API key was ever made, or the account has a secret.</summary>
    public bool HasCredentials => !keys.IsEmpty || account.HasToken;

    /// <summary>The caller.</summary>
    /// <exception cref="PresenceException">The reason why it is none: one of UNAUTHENTICATED.</exception>
    public ValueTask<Caller> AuthenticateAsync(HttpContext context)
    {
        if (AdminSocketListener.IsUsedBy(context))
            return new(Caller.Operator);
        if (!HasCredentials)
            return new(_anonymous);
        var header = context.Request.Headers.Authorization;
        if (header.Count == 0)
            return new(WithoutHeader(context));
        if (header.Count > 1 || header[0] is not { } credentials)
            throw AccessErrors.CredentialsInvalid();
        if (_callers.Find(credentials) is { } known)
        {
            if (known.FindInvalidationReason(time.GetUtcNow()) is null)
                return new(known);
            // What is wrong with it now is for the verification to say.
            _callers.Remove(credentials);
        }
        return VerifyAsync(credentials);
    }

    private Caller WithoutHeader(HttpContext context)
    {
        var names = ClientCertificateNames.Of(context);
        foreach (var name in names)
        {
            if (keys.FindByCertificateName(name) is { } key)
                return _byCertificate.GetValue(key, static known => Caller.BackEnd(known, secret: null));
        }
        // Who has a name is held to it: revoking its key must not make an anonymous caller of it, who may do everything.
        if (names.Count > 0)
            throw AccessErrors.CredentialsInvalid();
        return settings.AllowAnonymous ? _anonymous : throw AccessErrors.CredentialsRequired();
    }

    private async ValueTask<Caller> VerifyAsync(string credentials)
    {
        var caller = credentials switch
        {
            _ when IsOf(Basic, credentials) => VerifyPassword(credentials[Basic.Length..]),
            _ when IsOf(Bearer, credentials) => await tokens.VerifyAsync(credentials[Bearer.Length..]),
            _ => throw AccessErrors.CredentialsInvalid(),
        };
        if (IsWorthKeeping(credentials))
            _callers.Add(credentials, caller);
        return caller;
    }

    // Each caller can write its credentials in few ways that are kept, and none of them long: what is kept is to be bounded by the number
    // of callers.
    private static bool IsWorthKeeping(string credentials) =>
        credentials.Length <= Limits.CachedCredentialsLength
        && (credentials.StartsWith(Basic, StringComparison.Ordinal) || credentials.StartsWith(Bearer, StringComparison.Ordinal))
        && !credentials.AsSpan(Bearer.Length).ContainsAny(' ', '\t');

    // The name of a scheme is the same in any case (RFC 9110, section 11.1).
    private static bool IsOf(string scheme, string credentials) => credentials.StartsWith(scheme, StringComparison.OrdinalIgnoreCase);

    private Caller VerifyPassword(string encoded)
    {
        var bytes = new byte[encoded.Length];
        // White space inside is skipped by the decoder, and is no part of credentials.
        if (encoded.AsSpan().ContainsAny(' ', '\t') || !Convert.TryFromBase64String(encoded, bytes, out var length))
            throw AccessErrors.CredentialsInvalid();
        var parts = Encoding.UTF8.GetString(bytes, 0, length).Split(':', 2);
        if (parts.Length < 2)
            throw AccessErrors.CredentialsInvalid();
        return account.Accepts(parts[0], parts[1]) ? account.Caller : VerifyKey(parts[0], parts[1]);
    }

    private Caller VerifyKey(string name, string password)
    {
        if (!ApiKeySid.TryParse(name, out var sid) || keys.Find(sid) is not { } key)
            throw AccessErrors.CredentialsInvalid();
        var present = key.Current;
        var secret = present.Secret.Matches(password) ? present.Secret
            : present.PreviousSecret is { } previous && previous.Matches(password) ? previous
            : throw AccessErrors.CredentialsInvalid();
        return present.Accepts(secret, time.GetUtcNow()) ? Caller.BackEnd(key, secret) : throw PresenceErrors.ApiKeyRevoked(sid);
    }
}
