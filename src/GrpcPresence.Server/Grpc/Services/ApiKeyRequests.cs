using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Server.Grpc.Mapping;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>Requests that become changes of API keys.</summary>
internal static class ApiKeyRequests
{
    /// <summary>The change that the request asks for; the secret is made when the request is found to be well-formed.</summary>
    public static CreateApiKey ToChange(this V1.CreateApiKeyRequest request, ApiKeySid sid, Func<ApiKeySid, ApiKeySecret> secret)
    {
        var reader = new RequestReader();
        var friendlyName = reader.FriendlyName(request.FriendlyName);
        var role = reader.ApiKeyRole(request.Role);
        var scope = reader.OptionalService(request.ServiceSid);
        var certificateName = reader.CertificateName(request.CertificateName);
        reader.ThrowIfInvalid();
        return new CreateApiKey(sid, secret(sid), friendlyName, role, scope, certificateName);
    }

    /// <summary>The API key to rotate, and how long its old secret counts beside the new one.</summary>
    public static (ApiKeySid Sid, TimeSpan Overlap) Read(this V1.RotateApiKeyRequest request)
    {
        var reader = new RequestReader();
        var sid = reader.ApiKey(request.ApiKeySid);
        var overlap = reader.Duration(request.Overlap, "overlap", TimeSpan.Zero, TimeSpan.Zero, Limits.MaxRotationOverlap);
        reader.ThrowIfInvalid();
        return (sid, overlap);
    }

    /// <summary>The API key to revoke.</summary>
    public static ApiKeySid Read(this V1.RevokeApiKeyRequest request)
    {
        var reader = new RequestReader();
        var sid = reader.ApiKey(request.ApiKeySid);
        reader.ThrowIfInvalid();
        return sid;
    }
}
