using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Server.Security.Authorization;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>An end user, by an access token.</summary>
/// <param name="issuer">The API key whose secret signed the token.</param>
/// <param name="secret">That secret: when it is replaced, the token ends.</param>
/// <param name="service">The token's service instance.</param>
/// <param name="identity">The token's identity.</param>
/// <param name="expires">When the token expires.</param>
internal sealed class EndUserCaller(CachedApiKey issuer, ApiKeySecret secret, ServiceSid service, Identity identity, DateTimeOffset expires) : Caller
{
    private UsageCounters? _meter; // whoever sets it sets one that counts

    /// <inheritdoc/>
    public override string Name { get; } = $"a user of {issuer.Present.Sid}";

    /// <inheritdoc/>
    public override ApiKeyRole Role => ApiKeyRole.None;

    /// <inheritdoc/>
    public override ServiceSid? Scope { get; } = service;

    /// <inheritdoc/>
    public override Identity? Identity { get; } = identity;

    /// <inheritdoc/>
    public override UsageCounters? MeterIn(QuotaLimiter quotas) =>
        _meter is { IsLive: true } meter ? meter : _meter = quotas.OfEndUser(service, identity);

    /// <inheritdoc/>
    public override PresenceException? FindEnd(DateTimeOffset now)
    {
        if (now >= expires)
            return AccessErrors.AccessTokenExpired();
        var present = issuer.Present;
        return present.Accepts(secret, now) ? null : PresenceErrors.ApiKeyRevoked(present.Sid);
    }
}
