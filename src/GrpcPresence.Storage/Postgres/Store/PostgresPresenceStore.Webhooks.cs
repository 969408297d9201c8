using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Formats;
using GrpcPresence.Storage.Postgres.Native;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>Reads of webhook and notification settings.</summary>
public partial class PostgresPresenceStore
{
    private const string FindWebhook = $"""
        SELECT {WebhookRow.Columns} FROM services AS s JOIN webhooks AS w ON w.service_id = s.id
        WHERE s.sid = $1 AND NOT s.is_deleted
        """;

    private const string ListWebhooks = $"""
        SELECT {WebhookRow.Columns} FROM webhooks AS w JOIN services AS s ON s.id = w.service_id AND NOT s.is_deleted
        WHERE octet_length(w.post_url) > 0 ORDER BY w.service_id
        """;

    private const string FindNotifications = $"SELECT settings FROM notifications WHERE service_id = {ServiceId}";

    /// <inheritdoc/>
    public ValueTask<StoredWebhook?> FindWebhookAsync(ServiceSid service, CancellationToken cancellationToken) =>
        ReadAsync<StoredWebhook?>(
            service,
            (snapshot, _) =>
            {
                StoredWebhook? webhook = null;
                snapshot.Add(FindWebhook, row => webhook = WebhookRow.Read(row)).With(SidGuid.Of(service.Value));
                return () => webhook;
            },
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredWebhook>> ListWebhooksAsync(CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<StoredWebhook>>(
            snapshot =>
            {
                var webhooks = new List<StoredWebhook>();
                snapshot.Add(ListWebhooks, row => webhooks.Add(WebhookRow.Read(row)));
                return () => webhooks;
            },
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<NotificationSettings> FindNotificationsAsync(ServiceSid service, CancellationToken cancellationToken) =>
        ReadAsync<NotificationSettings>(
            service,
            (snapshot, _) =>
            {
                string? settings = null;
                snapshot.Add(FindNotifications, row => settings = row.Ascii(0)).With(SidGuid.Of(service.Value));
                return () => NotificationJson.Read(settings);
            },
            cancellationToken);
}
