using GrpcPresence.Core.Access;
using GrpcPresence.Core.Errors;

namespace GrpcPresence.Core.Changes.Kinds;

/// <summary>Ends an API key for good; does nothing to one that is revoked already. ApiKeyNotFound.</summary>
/// <param name="sid">The API key.</param>
public sealed class RevokeApiKey(ApiKeySid sid) : RequestedChange<ApiKey>
{
    private protected override ApiKey DecideCore(ChangeBatch batch)
    {
        var key = batch.Store.FindApiKey(sid) ?? throw Refusals.ApiKeyNotFound(sid);
        return key.IsRevoked ? key : batch.Revoke(key);
    }
}
