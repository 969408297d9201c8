using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>Revokes an API key permanently. Does nothing if it is revoked already. ApiKeyNotFound.</summary>
/// <param name="sid">The API key.</param>
public sealed class RevokeApiKey(ApiKeySid sid) : Command<ApiKey>
{
    internal override ServiceSid? Target => null;

    private protected override void CollectCore(KeyCollector keys) => keys.ApiKey(sid);

    private protected override ApiKey DecideCore(CommandBatch batch)
    {
        var key = batch.ApiKeys.Find(sid) ?? throw PresenceErrors.ApiKeyNotFound(sid);
        return key.IsRevoked ? key : batch.Revoke(key);
    }
}
