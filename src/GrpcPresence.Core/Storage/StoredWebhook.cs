using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Storage;

/// <summary>The webhook settings of a service instance, and how far its events have been delivered.</summary>
/// <param name="ServiceId">The store's key of the service instance.</param>
/// <param name="ServiceSid">The service instance.</param>
/// <param name="Settings">The settings.</param>
/// <param name="Position">How far events have been delivered. Meaningless without a <see cref="WebhookSettings.PostUrl"/>.</param>
public sealed record StoredWebhook(long ServiceId, ServiceSid ServiceSid, WebhookSettings Settings, WebhookPosition Position)
{
    /// <summary>The generation of the secret that signs the webhooks. Each rotation of the secret increases it.</summary>
    public long SecretGeneration { get; init; } = 1;

    /// <summary>
    /// Orders revisions of before and after a restore: the time at which the URL was set or the data went back, in milliseconds since
    /// 1970.
    /// </summary>
    public long Epoch { get; init; }

    /// <summary>The secret that signs the webhooks.</summary>
    public WebhookSigner Signer => new(ServiceId, ServiceSid, SecretGeneration);

    /// <summary>Returns the settings of a service instance that never set any.</summary>
    public static StoredWebhook DefaultOf(ServiceRecord service) =>
        new(service.Id, service.Sid, new WebhookSettings(), WebhookPosition.None);
}
