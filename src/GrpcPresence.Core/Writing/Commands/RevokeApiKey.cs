using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>Revokes an API key permanently. Does nothing if it is revoked already. ApiKeyNotFound.</summary>
/// <param name="sid">The API key.</param>
public sealed class RevokeApiKey(ApiKeySid sid) : Command<ApiKey>
{
    private protected override ApiKey DecideCore(CommandBatch batch)
    {
        var key = batch.Store.FindApiKey(sid) ?? throw PresenceErrors.ApiKeyNotFound(sid);
        return key.IsRevoked ? key : batch.Revoke(key);
    }
}
