using Dapper;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Formats;
using Microsoft.Data.Sqlite;

namespace GrpcPresence.Storage.Sqlite.Store;

/// <summary>Webhook settings with the SID of their service instance, as Dapper reads them.</summary>
internal sealed class WebhookRow
{
    /// <summary>The selection that fills a row, of existing service instances.</summary>
    public const string Select = """
        SELECT w.service_id AS ServiceId, s.sid AS Sid, w.position AS Position, w.known_since AS KnownSince, w.sweep_since AS SweepSince,
               w.sweep_after AS SweepAfter, w.method AS Method, w.pre_url AS PreUrl, w.post_url AS PostUrl, w.filters AS Filters,
               w.pre_fails_closed AS PreFailsClosed, w.secret_generation AS SecretGeneration, w.epoch AS Epoch
        FROM webhooks AS w JOIN services AS s ON s.id = w.service_id AND s.is_deleted = 0
        """;

    private const char Separator = ',';

    public long ServiceId { get; init; }

    public byte[] Sid { get; init; } = [];

    public long Position { get; init; }

    public long? KnownSince { get; init; }

    public long? SweepSince { get; init; }

    public long? SweepAfter { get; init; }

    public long Method { get; init; }

    public string PreUrl { get; init; } = "";

    public string PostUrl { get; init; } = "";

    public string Filters { get; init; } = "";

    public long PreFailsClosed { get; init; }

    public long SecretGeneration { get; init; }

    public long Epoch { get; init; }

    private static string Join(IReadOnlyList<string> filters) => string.Join(Separator, filters);

    /// <summary>Writes the settings of a service instance. Replaces earlier ones.</summary>
    public static void Write(SqliteConnection connection, StoredWebhook webhook) => connection.Execute(
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
            Filters = Join(webhook.Settings.Filters),
            PreFailsClosed = webhook.Settings.PreFailsClosed ? 1L : 0L,
            webhook.SecretGeneration,
            webhook.Epoch,
        });

    /// <summary>Returns the domain's record.</summary>
    public StoredWebhook ToWebhook() => new(
        ServiceId,
        new ServiceSid(SidBytes.Read(Sid)),
        new WebhookSettings
        {
            PreUrl = PreUrl,
            PostUrl = PostUrl,
            Filters = Filters.Split(Separator, StringSplitOptions.RemoveEmptyEntries),
            Method = (WebhookMethod)Method,
            PreFailsClosed = PreFailsClosed != 0,
        },
        new WebhookPosition(
            Position, KnownSince, SweepSince is { } since && SweepAfter is { } after ? new WebhookSweep(since, after) : null))
    {
        SecretGeneration = SecretGeneration,
        Epoch = Epoch,
    };
}
