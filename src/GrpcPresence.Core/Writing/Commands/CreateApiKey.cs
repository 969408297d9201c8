using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>
/// Makes an API key. ServiceInstanceNotFound for a scope that does not exist; CertificateNameTaken when another key in force has the name;
/// ApiKeyLimitExceeded.
/// </summary>
/// <param name="sid">Its SID, which its secret is derived from.</param>
/// <param name="secret">What is stored of its secret.</param>
/// <param name="friendlyName">A name for people.</param>
/// <param name="role">What it may do.</param>
/// <param name="scope">The one service instance that it is for; null for the whole deployment.</param>
/// <param name="certificateName">The name of client certificates that stand for it; empty for none.</param>
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
