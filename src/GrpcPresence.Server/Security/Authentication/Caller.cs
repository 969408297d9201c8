using System.Runtime.CompilerServices;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authorization;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>An authenticated caller. One object represents all calls with the same credentials. Safe from any thread.</summary>
internal sealed record Caller
{
    /// <summary>The user of the admin socket.</summary>
    public static readonly Caller Operator = new(CallerKind.Operator, "operator", ApiKeyRole.Admin);

    private UsageCounters? _counters; // set without a lock, because every thread that sets it sets live counters

    private Caller(CallerKind kind, string name, ApiKeyRole role)
    {
        Kind = kind;
        Name = name;
        Role = role;
    }

    private Caller(CachedApiKey key, ApiKeySecret? secret)
        : this(CallerKind.ApiKey, key.Current.Sid.ToString(), key.Current.Role)
    {
        Key = key;
        Secret = secret;
        ApiKey = key.Current.Sid;
        Scope = key.Current.Scope;
    }

    /// <summary>How the caller proved who it is.</summary>
    public CallerKind Kind { get; }

    /// <summary>The caller's name in the audit log. Never an identity.</summary>
    public string Name { get; }

    /// <summary>
    /// What the caller may do within its scope. None for an end user, whose rights have their own columns in the authorization table.
    /// </summary>
    public ApiKeyRole Role { get; }

    /// <summary>The API key that the caller presents; null for other callers.</summary>
    public ApiKeySid? ApiKey { get; private init; }

    /// <summary>The only service instance that the caller can see; null for all.</summary>
    public ServiceSid? Scope { get; private init; }

    /// <summary>The end user; null for other callers.</summary>
    public Identity? Identity { get; private init; }

    /// <summary>
    /// Whether another node of the cluster has authenticated, authorized and charged the call. The caller has no usage here.
    /// </summary>
    public bool IsForwarded { get; private init; }

    /// <summary>Identifies the caller among all others.</summary>
    public CallerId Id => new(Name, Scope, Identity);

    // The API key that the caller presents, or whose secret signed the access token.
    private CachedApiKey? Key { get; init; }

    // The secret that the caller presented, or that signed the access token. Null for a client certificate.
    private ApiKeySecret? Secret { get; init; }

    private DateTimeOffset Expires { get; init; } = DateTimeOffset.MaxValue;

    // Set only for a caller that stops being anonymous when the first API key is created.
    private ApiKeyCache? Keys { get; init; }

    /// <summary>Creates a caller without credentials.</summary>
    /// <param name="keys">The API keys. Once one exists, credentials are required.</param>
    /// <param name="isAllowed">Whether the settings allow anonymous callers even then.</param>
    public static Caller Anonymous(ApiKeyCache keys, bool isAllowed) =>
        new(CallerKind.Anonymous, "anonymous", ApiKeyRole.Admin) { Keys = isAllowed ? null : keys };

    /// <summary>Creates the caller for the account that the deployment belongs to.</summary>
    public static Caller Account(string sid) => new(CallerKind.Account, sid, ApiKeyRole.Admin);

    /// <summary>Creates the caller for a back end. The secret is null for a client certificate, which contains the key's name.</summary>
    public static Caller BackEnd(CachedApiKey key, ApiKeySecret? secret) => new(key, secret);

    /// <summary>
    /// Creates the caller for an end user. The token is valid until it expires, or until the secret that signed it is replaced.
    /// </summary>
    public static Caller EndUser(CachedApiKey issuer, ApiKeySecret secret, ServiceSid service, Identity identity, DateTimeOffset expires) =>
        new(CallerKind.EndUser, $"a user of {issuer.Current.Sid}", ApiKeyRole.None)
        {
            Key = issuer,
            Secret = secret,
            Expires = expires,
            Scope = service,
            Identity = identity,
        };

    /// <summary>Creates the caller of a call that another node of the cluster has authenticated, authorized and charged.</summary>
    public static Caller Forwarded(
        CallerKind kind, string name, ApiKeyRole role, ApiKeySid? apiKey, ServiceSid? scope, Identity? identity) =>
        new(kind, name, role) { ApiKey = apiKey, Scope = scope, Identity = identity, IsForwarded = true };

    /// <summary>Returns the caller's usage of its quotas, or null for callers without quotas of their own.</summary>
    public UsageCounters? CountersIn(QuotaLimiter limiter) => Kind switch
    {
        CallerKind.ApiKey or CallerKind.EndUser when _counters is { IsLive: true } counters => counters,
        _ when IsForwarded => null,
        CallerKind.ApiKey => _counters = limiter.OfApiKey(Name),
        CallerKind.EndUser => _counters = limiter.OfEndUser(Scope.GetValueOrDefault(), Identity.GetValueOrDefault()),
        _ => null,
    };

    /// <summary>Whether the caller can see the service instance.</summary>
    public bool Covers(ServiceSid? service) => Scope is null || Scope == service;

    /// <summary>Returns why the credentials are no longer valid, or null while they are valid.</summary>
    public PresenceException? FindInvalidationReason(DateTimeOffset now)
    {
        if (now >= Expires)
            return AccessErrors.AccessTokenExpired();
        if (Keys is { IsEmpty: false })
            return AccessErrors.CredentialsRequired();
        return Key?.Current is { } present && !present.Accepts(Secret ?? present.Secret, now)
            ? PresenceErrors.ApiKeyRevoked(present.Sid)
            : null;
    }

    /// <summary>Compares references, because callers with equal properties may have presented different secrets.</summary>
    public bool Equals(Caller? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => RuntimeHelpers.GetHashCode(this);
}
