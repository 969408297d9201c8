using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Storage;

/// <summary>Names the secret that signs the webhooks of a service instance.</summary>
/// <param name="ServiceId">The store's key of the service instance, which no other one ever has.</param>
/// <param name="ServiceSid">The service instance.</param>
/// <param name="Generation">The number of the secret.</param>
public readonly record struct WebhookSigner(long ServiceId, ServiceSid ServiceSid, long Generation)
{
    /// <summary>Returns the secret that the next rotation makes the signing one.</summary>
    public WebhookSigner Next => this with { Generation = Generation + 1 };
}
