using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>Gives an API key a new secret. ApiKeyNotFound if no key in force has the SID.</summary>
/// <param name="sid">The API key.</param>
/// <param name="secret">The stored part of the new secret.</param>
/// <param name="overlap">How long the present secret is accepted beside the new one. An earlier replaced secret ends at once.</param>
public sealed class RotateApiKey(ApiKeySid sid, ApiKeySecret secret, TimeSpan overlap) : Command<ApiKey>
{
    private protected override ApiKey DecideCore(CommandBatch batch)
    {
        var key = batch.Store.FindApiKey(sid);
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
        batch.Store.UpdateApiKey(key);
        return batch.Add(key);
    }
}
