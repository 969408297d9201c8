using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>Gives an API key a new secret. ApiKeyNotFound if no key in force has the SID.</summary>
/// <param name="sid">The API key.</param>
/// <param name="secret">The stored part of the new secret.</param>
/// <param name="overlap">How long the present secret is accepted beside the new one. An earlier replaced secret ends at once.</param>
public sealed class RotateApiKey(ApiKeySid sid, ApiKeySecret secret, TimeSpan overlap) : Command<ApiKey>
{
    internal override ServiceSid? Target => null;

    private protected override void CollectCore(KeyCollector keys) => keys.ApiKey(sid);

    private protected override ApiKey DecideCore(CommandBatch batch)
    {
        var key = batch.ApiKeys.Find(sid);
        if (key is null or { IsRevoked: true })
            throw PresenceErrors.ApiKeyNotFound(sid);
        key = key with
        {
            Secret = secret,
            PreviousSecret = key.Secret,
            // Not the present time, because a clock may be set back.
            PreviousSecretUntil = overlap > TimeSpan.Zero ? batch.Now + overlap : DateTimeOffset.MinValue,
            RotateTime = batch.Now,
        };
        batch.ApiKeys.Update(key);
        return key;
    }
}
