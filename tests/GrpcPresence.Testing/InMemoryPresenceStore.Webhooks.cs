using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Testing;

/// <summary>Webhook and notification settings.</summary>
public sealed partial class InMemoryPresenceStore
{
    public ValueTask<StoredWebhook?> FindWebhookAsync(ServiceSid service, CancellationToken cancellationToken) =>
        ReadAsync(image => image.Get(service).Webhook, cancellationToken);

    public ValueTask<IReadOnlyList<StoredWebhook>> ListWebhooksAsync(CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<StoredWebhook>>(
            image => [
                .. image.Services.Values.Where(s => !s.IsDeleted && s.Webhook is { Settings.PostUrl.Length: > 0 }).Select(s => s.Webhook!),
            ],
            cancellationToken);

    public ValueTask<NotificationSettings> FindNotificationsAsync(ServiceSid service, CancellationToken cancellationToken) =>
        ReadAsync(image => image.Get(service).Notifications, cancellationToken);
}
