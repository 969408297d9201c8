using Dapper;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>Webhook and notification settings.</summary>
internal sealed partial class SqliteStoreTransaction
{
    /// <inheritdoc/>
    public StoredWebhook? FindWebhook(long serviceId) => Run(() => Connection.QueryFirstOrDefault<WebhookRow>(
        WebhookRow.Select + " WHERE w.service_id = @ServiceId", new { ServiceId = serviceId })?.ToWebhook());

    /// <inheritdoc/>
    public void PutWebhook(StoredWebhook webhook) => Run(() => Connection.Execute(
        """
        INSERT OR REPLACE INTO webhooks (service_id, position, method, pre_url, post_url, filters)
        VALUES (@ServiceId, @Position, @Method, @PreUrl, @PostUrl, @Filters)
        """,
        new
        {
            webhook.ServiceId,
            webhook.Position,
            Method = (long)webhook.Settings.Method,
            webhook.Settings.PreUrl,
            webhook.Settings.PostUrl,
            Filters = WebhookRow.Join(webhook.Settings.Filters),
        }));

    /// <inheritdoc/>
    public void AdvanceWebhook(long serviceId, long position) => Run(() => Connection.Execute(
        "UPDATE webhooks SET position = @Position WHERE service_id = @ServiceId AND post_url <> '' AND position < @Position",
        new { ServiceId = serviceId, Position = position }));

    /// <inheritdoc/>
    public NotificationSettings FindNotifications(long serviceId) => Run(() => NotificationJson.Read(Connection.ExecuteScalar<string?>(
        "SELECT settings FROM notifications WHERE service_id = @ServiceId", new { ServiceId = serviceId })));

    /// <inheritdoc/>
    public void PutNotifications(long serviceId, NotificationSettings settings) => Run(() => Connection.Execute(
        "INSERT OR REPLACE INTO notifications (service_id, settings) VALUES (@ServiceId, @Settings)",
        new { ServiceId = serviceId, Settings = NotificationJson.Write(settings) }));
}
