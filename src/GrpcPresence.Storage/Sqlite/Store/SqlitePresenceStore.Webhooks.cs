using Dapper;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Formats;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>Reads of webhook and notification settings.</summary>
public sealed partial class SqlitePresenceStore
{
    /// <inheritdoc/>
    public ValueTask<StoredWebhook?> FindWebhookAsync(ServiceSid service, CancellationToken cancellationToken) =>
        ReadAsync(
            reader => reader.Connection.QueryFirstOrDefault<WebhookRow>(
                WebhookRow.Select + " WHERE w.service_id = @ServiceId", new { ServiceId = reader.Service(service).Id })?.ToWebhook(),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<StoredWebhook>> ListWebhooksAsync(CancellationToken cancellationToken) =>
        ReadAsync<IReadOnlyList<StoredWebhook>>(
            reader => reader.Connection.Query<WebhookRow>(WebhookRow.Select + " WHERE w.post_url <> '' ORDER BY w.service_id")
                .Select(row => row.ToWebhook())
                .ToList(),
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<NotificationSettings> FindNotificationsAsync(ServiceSid service, CancellationToken cancellationToken) =>
        ReadAsync(
            reader => NotificationJson.Read(reader.Connection.ExecuteScalar<string?>(
                "SELECT settings FROM notifications WHERE service_id = @ServiceId", new { ServiceId = reader.Service(service).Id })),
            cancellationToken);
}
