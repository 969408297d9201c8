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
    private protected override ApiKey DecideCore(CommandBatch batch)
    {
        if (scope is { } service)
            batch.Service(service);
        if (certificateName.Length > 0 && batch.Store.FindApiKey(certificateName) is not null)
            throw PresenceErrors.CertificateNameTaken(certificateName);
        var (inForce, revoked) = batch.Store.CountApiKeys(scope);
        if (inForce >= Limits.ApiKeysPerScope)
            throw PresenceErrors.ApiKeyLimitExceeded(Limits.ApiKeysPerScope);
        if (revoked >= Limits.RevokedApiKeysPerScope && batch.Store.DeleteOldestRevokedApiKey(scope) is { } forgotten)
            batch.Forget(forgotten);
        return batch.Add(batch.Store.InsertApiKey(new ApiKey
        {
            Sid = sid,
            FriendlyName = friendlyName,
            Role = role,
            Scope = scope,
            CertificateName = certificateName,
            Secret = secret,
            CreateTime = batch.Now,
        }));
    }
}
