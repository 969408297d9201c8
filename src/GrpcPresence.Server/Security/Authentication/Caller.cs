using System.Runtime.CompilerServices;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authorization;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>An authenticated caller. One object stands for all calls with the same credentials. Safe from any thread.</summary>
internal sealed record Caller
{
    /// <summary>The user of the admin socket.</summary>
    public static readonly Caller Operator = new(CallerKind.Operator, "operator", ApiKeyRole.Admin);

    private UsageCounters? _counters; // set without a lock: every thread that sets it sets live counters

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
    /// What the caller may do within its scope; None for an end user, whose rights are columns of their own in the table of authorization.
    /// </summary>
    public ApiKeyRole Role { get; }

    /// <summary>The API key that the caller presents; null for other callers.</summary>
    public ApiKeySid? ApiKey { get; }

    /// <summary>The only service instance that exists for the caller; null for all.</summary>
    public ServiceSid? Scope { get; private init; }

    /// <summary>The end user; null for other callers.</summary>
    public Identity? Identity { get; private init; }

    // The API key that is presented, or whose secret signed the access token.
    private CachedApiKey? Key { get; init; }

    // The secret that was presented, or that signed the access token; null for a client certificate.
    private ApiKeySecret? Secret { get; init; }

    private DateTimeOffset Expires { get; init; } = DateTimeOffset.MaxValue;

    // For a caller that is anonymous only until there is an API key.
    private ApiKeyCache? Keys { get; init; }

    /// <summary>A caller without credentials.</summary>
    /// <param name="keys">The first API key ends the time in which credentials are not required.</param>
    /// <param name="isAllowed">Whether the settings allow such callers even so.</param>
    public static Caller Anonymous(ApiKeyCache keys, bool isAllowed) =>
        new(CallerKind.Anonymous, "anonymous", ApiKeyRole.Admin) { Keys = isAllowed ? null : keys };

    /// <summary>The account that the deployment belongs to.</summary>
    public static Caller Account(string sid) => new(CallerKind.Account, sid, ApiKeyRole.Admin);

    /// <summary>A back end. The secret is null for a client certificate, which bears the key's name.</summary>
    public static Caller BackEnd(CachedApiKey key, ApiKeySecret? secret) => new(key, secret);

    /// <summary>An end user. The token ends when the secret that signed it is replaced, or when it expires.</summary>
    public static Caller EndUser(CachedApiKey issuer, ApiKeySecret secret, ServiceSid service, Identity identity, DateTimeOffset expires) =>
        new(CallerKind.EndUser, $"a user of {issuer.Current.Sid}", ApiKeyRole.None)
        {
            Key = issuer,
            Secret = secret,
            Expires = expires,
            Scope = service,
            Identity = identity,
        };

    /// <summary>The caller's usage of its quotas; null for callers without quotas of their own.</summary>
    public UsageCounters? CountersIn(QuotaLimiter limiter) => Kind switch
    {
        CallerKind.ApiKey or CallerKind.EndUser when _counters is { IsLive: true } counters => counters,
        CallerKind.ApiKey => _counters = limiter.OfApiKey(Name),
        CallerKind.EndUser => _counters = limiter.OfEndUser(Scope.GetValueOrDefault(), Identity.GetValueOrDefault()),
        _ => null,
    };

    /// <summary>Whether the service instance exists for the caller.</summary>
    public bool Covers(ServiceSid? service) => Scope is null || Scope == service;

    /// <summary>Why the credentials are no longer valid; null while they are.</summary>
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

    /// <summary>Whether it is the same object: callers with equal properties may have presented different secrets.</summary>
    public bool Equals(Caller? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => RuntimeHelpers.GetHashCode(this);
}
