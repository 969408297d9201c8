using GrpcPresence.Core.Access;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Server.Access;

/// <summary>An end user, by an access token.</summary>
/// <param name="issuer">The API key whose secret signed the token.</param>
/// <param name="secret">That secret: when it is replaced, the token ends.</param>
/// <param name="service">The token's service instance.</param>
/// <param name="identity">The token's identity.</param>
/// <param name="expires">When the token expires.</param>
internal sealed class EndUserCaller(KnownApiKey issuer, ApiKeySecret secret, ServiceSid service, Identity identity, DateTimeOffset expires) : Caller
{
    private Meter? _meter; // whoever sets it sets one that counts

    /// <inheritdoc/>
    public override string Name { get; } = $"a user of {issuer.Present.Sid}";

    /// <inheritdoc/>
    public override ApiKeyRole Role => ApiKeyRole.None;

    /// <inheritdoc/>
    public override ServiceSid? Scope { get; } = service;

    /// <inheritdoc/>
    public override Identity? Identity { get; } = identity;

    /// <inheritdoc/>
    public override Meter? MeterIn(QuotaBook quotas) =>
        _meter is { IsLive: true } meter ? meter : _meter = quotas.OfEndUser(service, identity);

    /// <inheritdoc/>
    public override PresenceException? FindEnd(DateTimeOffset now)
    {
        if (now >= expires)
            return AccessRefusals.AccessTokenExpired();
        var present = issuer.Present;
        return present.Accepts(secret, now) ? null : Refusals.ApiKeyRevoked(present.Sid);
    }
}
