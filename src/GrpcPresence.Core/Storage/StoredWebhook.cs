using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Storage;

/// <summary>The webhook settings of a service instance, and how far its events have been told.</summary>
/// <param name="ServiceId">The store's key of the service instance.</param>
/// <param name="ServiceSid">The service instance.</param>
/// <param name="Settings">The settings.</param>
/// <param name="Position">
/// The revision up to which all that came after the URL was set has been told. Means nothing, and is 0, while there is no
/// <see cref="WebhookSettings.PostUrl"/>.
/// </param>
public sealed record StoredWebhook(long ServiceId, ServiceSid ServiceSid, WebhookSettings Settings, long Position);
