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
        INSERT OR REPLACE INTO webhooks (
            service_id, position, known_since, sweep_since, sweep_after, method, pre_url, post_url, filters, pre_fails_closed,
            secret_generation, epoch)
        VALUES (
            @ServiceId, @Revision, @KnownSince, @SweepSince, @SweepAfter, @Method, @PreUrl, @PostUrl, @Filters, @PreFailsClosed,
            @SecretGeneration, @Epoch)
        """,
        new
        {
            webhook.ServiceId,
            webhook.Position.Revision,
            webhook.Position.KnownSince,
            SweepSince = webhook.Position.Sweep?.KnownSince,
            SweepAfter = webhook.Position.Sweep?.AfterId,
            Method = (long)webhook.Settings.Method,
            webhook.Settings.PreUrl,
            webhook.Settings.PostUrl,
            Filters = WebhookRow.Join(webhook.Settings.Filters),
            PreFailsClosed = webhook.Settings.PreFailsClosed ? 1L : 0L,
            webhook.SecretGeneration,
            webhook.Epoch,
        }));

    /// <inheritdoc/>
    public void AdvanceWebhook(long serviceId, WebhookPosition expected, WebhookPosition reached) => Run(() => Connection.Execute(
        """
        UPDATE webhooks SET position = @Revision, known_since = @KnownSince, sweep_since = @SweepSince, sweep_after = @SweepAfter
        WHERE service_id = @ServiceId AND post_url <> ''
            AND position = @ExpectedRevision AND known_since IS @ExpectedKnownSince
            AND sweep_since IS @ExpectedSweepSince AND sweep_after IS @ExpectedSweepAfter
        """,
        new
        {
            ServiceId = serviceId,
            reached.Revision,
            reached.KnownSince,
            SweepSince = reached.Sweep?.KnownSince,
            SweepAfter = reached.Sweep?.AfterId,
            ExpectedRevision = expected.Revision,
            ExpectedKnownSince = expected.KnownSince,
            ExpectedSweepSince = expected.Sweep?.KnownSince,
            ExpectedSweepAfter = expected.Sweep?.AfterId,
        }));

    /// <inheritdoc/>
    public NotificationSettings FindNotifications(long serviceId) => Run(() => NotificationJson.Read(Connection.ExecuteScalar<string?>(
        "SELECT settings FROM notifications WHERE service_id = @ServiceId", new { ServiceId = serviceId })));

    /// <inheritdoc/>
    public void PutNotifications(long serviceId, NotificationSettings settings) => Run(() => Connection.Execute(
        "INSERT OR REPLACE INTO notifications (service_id, settings) VALUES (@ServiceId, @Settings)",
        new { ServiceId = serviceId, Settings = NotificationJson.Write(settings) }));
}
