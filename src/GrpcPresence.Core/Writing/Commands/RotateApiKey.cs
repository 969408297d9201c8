using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>Gives an API key a new secret. ApiKeyNotFound when there is none in force with the SID.</summary>
/// <param name="sid">The API key.</param>
/// <param name="secret">What is stored of the new secret.</param>
/// <param name="overlap">How long the present secret counts beside the new one; one that was replaced before ends at once.</param>
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
            // Not a moment ago, to which a clock may be set back.
            PreviousSecretUntil = overlap > TimeSpan.Zero ? batch.Now + overlap : DateTimeOffset.MinValue,
            RotateTime = batch.Now,
        };
        batch.Store.UpdateApiKey(key);
        return batch.Add(key);
    }
}
