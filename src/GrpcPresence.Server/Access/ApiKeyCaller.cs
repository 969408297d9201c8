using GrpcPresence.Core.Access;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Quotas;

namespace GrpcPresence.Server.Access;

/// <summary>A back end, by its API key.</summary>
/// <param name="key">The API key.</param>
/// <param name="secret">The secret that was presented; null for a client certificate, which bears the key's name.</param>
internal sealed class ApiKeyCaller(KnownApiKey key, ApiKeySecret? secret) : Caller
{
    private Meter? _meter; // whoever sets it sets one that counts

    /// <inheritdoc/>
    public override string Name { get; } = key.Present.Sid.ToString();

    /// <inheritdoc/>
    public override ApiKeySid? ApiKey { get; } = key.Present.Sid;

    /// <inheritdoc/>
    public override ApiKeyRole Role { get; } = key.Present.Role;

    /// <inheritdoc/>
    public override ServiceSid? Scope { get; } = key.Present.Scope;

    /// <inheritdoc/>
    public override Meter? MeterIn(QuotaBook quotas) => _meter is { IsLive: true } meter ? meter : _meter = quotas.OfApiKey(Name);

    /// <inheritdoc/>
    public override PresenceException? FindEnd(DateTimeOffset now)
    {
        var present = key.Present;
        return present.Accepts(secret ?? present.Secret, now) ? null : Refusals.ApiKeyRevoked(present.Sid);
    }
}
