using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Unicode;
using Grpc.Core;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Errors;
using GrpcPresence.Server.Security.AdminSocket;
using GrpcPresence.Server.Security.Authorization;
using GrpcPresence.Server.Security.Tls;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>
/// Authenticates the caller by the admin socket, then by the metadata <c>authorization</c>, then by the client certificate. While no API
/// key was ever created and the account has no secret, every other caller is anonymous and its credentials are ignored. Safe from any
/// thread.
/// </summary>
internal sealed class Authenticator(
    ApiKeyCache keys,
    Account account,
    AccessTokenVerifier tokens,
    SecretFile secrets,
    FailedAuthentications failures,
    ServerSettings settings,
    TimeProvider time)
{
    private const string Basic = "Basic ";
    private const string Bearer = "Bearer ";

    private readonly CallerCache _callers = new(Limits.CachedCallers);
    private readonly RejectedCredentials _rejected = new(keys, secrets, time);
    private readonly Caller _anonymous = Caller.Anonymous(keys, settings.AllowAnonymous);
    private readonly ConditionalWeakTable<CachedApiKey, Caller> _byCertificate = [];

    /// <summary>Whether a caller can have credentials: an API key was ever created, or the account has a secret.</summary>
    public bool HasCredentials => !keys.IsEmpty || account.HasToken;

    /// <summary>Returns the caller. The rejection of a peer that fails often comes late.</summary>
    /// <exception cref="PresenceException">
    /// The call is unauthenticated: one of the reasons of UNAUTHENTICATED. Or QuotaExceeded: too many authentications of this peer failed.
    /// </exception>
    public ValueTask<Caller> AuthenticateAsync(HttpContext context)
    {
        try
        {
            if (FindKnown(context, out var credentials) is { } known)
                return new(known);
            if (_rejected.Find(credentials) is { } error)
                return RejectAsync(error, context, isRepeated: true);
            return new(Verify(credentials));
        }
        catch (PresenceException error)
        {
            return RejectAsync(error, context, isRepeated: false);
        }
    }

    private async ValueTask<Caller> RejectAsync(PresenceException error, HttpContext context, bool isRepeated) =>
        throw (ErrorTable.StatusOf(error.Reason) == StatusCode.Unauthenticated
            ? await failures.DelayAsync(context, KindOf(context), error, isRepeated)
            : error);

    // Bounded, because it is a label of a metric.
    private static string KindOf(HttpContext context)
    {
        var header = context.Request.Headers.Authorization;
        return header.Count switch
        {
            0 => ClientCertificateNames.Of(context).Count > 0 ? "certificate" : "none",
            1 when header[0] is { } credentials && HasScheme(Basic, credentials) => "basic",
            1 when header[0] is { } credentials && HasScheme(Bearer, credentials) => "bearer",
            _ => "other",
        };
    }

    /// <summary>Returns the caller if it needs no verification; otherwise the credentials to verify, in their canonical form.</summary>
    private Caller? FindKnown(HttpContext context, out string credentials)
    {
        credentials = "";
        if (AdminSocketListener.IsUsedBy(context))
            return Caller.Operator;
        if (!HasCredentials)
            return _anonymous;
        var header = context.Request.Headers.Authorization;
        if (header.Count == 0)
            return WithoutHeader(context);
        if (header.Count > 1 || header[0] is not { } presented)
            throw AccessErrors.CredentialsInvalid();
        credentials = presented;
        // Nearly all clients write their credentials in the canonical form, so that the second lookup is rare.
        return FindCached(presented) ?? FindCached(credentials = CanonicalCredentials.Of(presented) ?? presented);
    }

    private Caller? FindCached(string credentials)
    {
        var known = _callers.Find(credentials);
        if (known?.FindInvalidationReason(time.GetUtcNow()) is null)
            return known;
        // The verification finds the error to return.
        _callers.Remove(credentials);
        return null;
    }

    private Caller WithoutHeader(HttpContext context)
    {
        var names = ClientCertificateNames.Of(context);
        foreach (var name in names)
        {
            if (keys.FindByCertificateName(name) is { } key)
                return _byCertificate.GetValue(key, static known => Caller.BackEnd(known, secret: null));
        }
        // A certificate with a name never makes its caller anonymous. Otherwise revoking the key of that name would let the caller do
        // everything that anonymous callers may do.
        if (names.Count > 0)
            throw AccessErrors.CredentialsInvalid();
        return settings.AllowAnonymous ? _anonymous : throw AccessErrors.CredentialsRequired();
    }

    private Caller Verify(string credentials)
    {
        var version = _rejected.Version;
        try
        {
            var caller = credentials switch
            {
                _ when HasScheme(Basic, credentials) => VerifyPassword(credentials[Basic.Length..]),
                _ when HasScheme(Bearer, credentials) => tokens.Verify(credentials[Bearer.Length..]),
                _ => throw AccessErrors.CredentialsInvalid(),
            };
            if (CanonicalCredentials.Of(credentials) == credentials)
                _callers.Add(credentials, caller);
            return caller;
        }
        catch (PresenceException error)
        {
            _rejected.Add(credentials, version, error);
            throw;
        }
    }

    // Scheme names are case-insensitive (RFC 9110, section 11.1).
    private static bool HasScheme(string scheme, string credentials) => credentials.StartsWith(scheme, StringComparison.OrdinalIgnoreCase);

    private Caller VerifyPassword(string encoded)
    {
        var bytes = new byte[encoded.Length];
        // The base64 decoder skips white space, but credentials must not contain any.
        if (encoded.AsSpan().ContainsAny(' ', '\t') || !Convert.TryFromBase64String(encoded, bytes, out var length))
            throw AccessErrors.CredentialsInvalid();
        if (!Utf8.IsValid(bytes.AsSpan(0, length)))
            throw AccessErrors.CredentialsInvalid();
        var parts = Encoding.UTF8.GetString(bytes, 0, length).Split(':', 2);
        if (parts.Length < 2)
            throw AccessErrors.CredentialsInvalid();
        return account.Accepts(parts[0], parts[1]) ? account.Caller : VerifyKey(parts[0], parts[1]);
    }

    private Caller VerifyKey(string name, string password)
    {
        var key = ApiKeySid.TryParse(name, out var sid) ? keys.Find(sid) : null;
        var present = key?.Current;
        // Both secrets are compared in any case, so that a rejection takes the same time whether or not the key exists.
        var isCurrent = (present?.Secret ?? AbsentKey.Stored).Matches(password);
        var isPrevious = (present?.PreviousSecret ?? AbsentKey.Stored).Matches(password);
        if (key is null || present is null || !(isCurrent || isPrevious))
            throw AccessErrors.CredentialsInvalid();
        var secret = isCurrent ? present.Secret : present.PreviousSecret;
        if (secret is null)
            throw AccessErrors.CredentialsInvalid();
        return present.Accepts(secret, time.GetUtcNow()) ? Caller.BackEnd(key, secret) : throw PresenceErrors.ApiKeyRevoked(sid);
    }
}
