using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>
/// Creates an API key. ServiceInstanceNotFound if the scope does not exist; CertificateNameTaken if another key in force has the name;
/// ApiKeyLimitExceeded.
/// </summary>
/// <param name="sid">The SID, from which the secret is derived.</param>
/// <param name="secret">The stored part of the secret.</param>
/// <param name="friendlyName">The display name.</param>
/// <param name="role">The permissions.</param>
/// <param name="scope">The only service instance that the key may access; null for the whole deployment.</param>
/// <param name="certificateName">The certificate name that authenticates as the key; empty for none.</param>
public sealed class CreateApiKey(
    ApiKeySid sid, ApiKeySecret secret, string friendlyName, ApiKeyRole role, ServiceSid? scope, string certificateName) : Command<ApiKey>
{
    // Whether the scope exists is part of the directory, and nothing is written to the service instance.
    internal override ServiceSid? Target => null;

    private protected override void CollectCore(KeyCollector keys)
    {
        if (scope is { } service)
            keys.Service(service);
        if (certificateName.Length > 0)
            keys.CertificateName(certificateName);
        keys.ApiKeyScope(scope);
    }

    private protected override ApiKey DecideCore(CommandBatch batch)
    {
        if (scope is { } service)
            batch.Service(service);
        if (certificateName.Length > 0 && batch.ApiKeys.Find(certificateName) is not null)
            throw PresenceErrors.CertificateNameTaken(certificateName);
        var revoked = batch.ApiKeys.List(scope).Where(key => key.IsRevoked).ToList();
        if (batch.ApiKeys.List(scope).Count - revoked.Count >= Limits.ApiKeysPerScope)
            throw PresenceErrors.ApiKeyLimitExceeded(Limits.ApiKeysPerScope);
        if (revoked.Count >= Limits.RevokedApiKeysPerScope)
            batch.ApiKeys.Remove(revoked.OrderBy(key => key.RevokeTime).ThenBy(key => key.Id).First());
        return batch.ApiKeys.Insert(new ApiKey
        {
            Sid = sid,
            FriendlyName = friendlyName,
            Role = role,
            Scope = scope,
            CertificateName = certificateName,
            Secret = secret,
            CreateTime = batch.Now,
        });
    }
}
