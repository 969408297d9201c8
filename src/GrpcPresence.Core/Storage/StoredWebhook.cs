using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Storage;

/// <summary>The webhook settings of a service instance, and how far its events have been delivered.</summary>
/// <param name="ServiceId">The store's key of the service instance.</param>
/// <param name="ServiceSid">The service instance.</param>
/// <param name="Settings">The settings.</param>
/// <param name="Position">
/// The revision up to which all events since the URL was set have been delivered. Meaningless, and 0, without a
/// <see cref="WebhookSettings.PostUrl"/>.
/// </param>
public sealed record StoredWebhook(long ServiceId, ServiceSid ServiceSid, WebhookSettings Settings, long Position);
