using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Server.Security.Authentication;

/// <summary>A back end, by its API key.</summary>
/// <param name="key">The API key.</param>
/// <param name="secret">The secret that was presented; null for a client certificate, which bears the key's name.</param>
internal sealed class ApiKeyCaller(CachedApiKey key, ApiKeySecret? secret) : Caller
{
    private UsageCounters? _meter; // whoever sets it sets one that counts

    /// <inheritdoc/>
    public override string Name { get; } = key.Present.Sid.ToString();

    /// <inheritdoc/>
    public override ApiKeySid? ApiKey { get; } = key.Present.Sid;

    /// <inheritdoc/>
    public override ApiKeyRole Role { get; } = key.Present.Role;

    /// <inheritdoc/>
    public override ServiceSid? Scope { get; } = key.Present.Scope;

    /// <inheritdoc/>
    public override UsageCounters? MeterIn(QuotaLimiter quotas) => _meter is { IsLive: true } meter ? meter : _meter = quotas.OfApiKey(Name);

    /// <inheritdoc/>
    public override PresenceException? FindEnd(DateTimeOffset now)
    {
        var present = key.Present;
        return present.Accepts(secret ?? present.Secret, now) ? null : PresenceErrors.ApiKeyRevoked(present.Sid);
    }
}
