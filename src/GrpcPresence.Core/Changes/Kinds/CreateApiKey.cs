using GrpcPresence.Core.Access;
using GrpcPresence.Core.Configuration;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Limits;

namespace GrpcPresence.Core.Changes.Kinds;

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
    ApiKeySid sid, ApiKeySecret secret, string friendlyName, ApiKeyRole role, ServiceSid? scope, string certificateName) : RequestedChange<ApiKey>
{
    private protected override ApiKey DecideCore(ChangeBatch batch)
    {
        if (scope is { } service)
            batch.Service(service);
        var inForce = batch.Store.ListApiKeys().Where(key => !key.IsRevoked).ToList();
        if (certificateName.Length > 0 && inForce.Any(key => key.CertificateName == certificateName))
            throw Refusals.CertificateNameTaken(certificateName);
        if (inForce.Count >= Bounds.ApiKeys)
            throw Refusals.ApiKeyLimitExceeded(Bounds.ApiKeys);
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
