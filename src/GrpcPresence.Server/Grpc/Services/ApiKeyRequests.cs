using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.ApiKeys;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Server.Grpc.Mapping;

namespace GrpcPresence.Server.Grpc.Services;

/// <summary>Converts requests to commands on API keys.</summary>
internal static class ApiKeyRequests
{
    /// <summary>Converts the request to a command. The secret is created only after the request is validated.</summary>
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

    /// <summary>Reads the API key to rotate, and how long its old secret remains valid.</summary>
    public static (ApiKeySid Sid, TimeSpan Overlap) Read(this V1.RotateApiKeyRequest request)
    {
        var reader = new RequestReader();
        var sid = reader.ApiKey(request.ApiKeySid);
        var overlap = reader.Duration(request.Overlap, "overlap", TimeSpan.Zero, TimeSpan.Zero, Limits.MaxRotationOverlap);
        reader.ThrowIfInvalid();
        return (sid, overlap);
    }

    /// <summary>Reads the API key to revoke.</summary>
    public static ApiKeySid Read(this V1.RevokeApiKeyRequest request)
    {
        var reader = new RequestReader();
        var sid = reader.ApiKey(request.ApiKeySid);
        reader.ThrowIfInvalid();
        return sid;
    }
}
