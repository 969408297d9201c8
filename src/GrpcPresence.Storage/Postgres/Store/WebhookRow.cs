using System.Text.Json.Nodes;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;
using GrpcPresence.Storage.Postgres.Native;

namespace GrpcPresence.Storage.Postgres.Store;

/// <summary>Webhook settings as rows.</summary>
internal static class WebhookRow
{
    /// <summary>The selection that <see cref="Read"/> reads, of existing service instances.</summary>
    public const string Columns = """
        w.service_id, s.sid, w.position, w.known_since, w.sweep_since, w.sweep_after, w.method, w.pre_url, w.post_url, w.filters,
        w.pre_fails_closed, w.secret_generation, w.epoch
        """;

    private const char Separator = ',';

    /// <summary>Returns the row as an element of the parameter of a commit.</summary>
    public static JsonObject Write(int service, StoredWebhook webhook, WebhookPosition? read) => new()
    {
        ["service"] = service,
        ["position"] = webhook.Position.Revision,
        ["known_since"] = webhook.Position.KnownSince,
        ["sweep_since"] = webhook.Position.Sweep?.KnownSince,
        ["sweep_after"] = webhook.Position.Sweep?.AfterId,
        ["read_position"] = read?.Revision,
        ["read_known_since"] = read?.KnownSince,
        ["read_sweep_since"] = read?.Sweep?.KnownSince,
        ["read_sweep_after"] = read?.Sweep?.AfterId,
        ["method"] = (int)webhook.Settings.Method,
        ["pre_fails_closed"] = webhook.Settings.PreFailsClosed,
        ["secret_generation"] = webhook.SecretGeneration,
        ["epoch"] = webhook.Epoch,
        ["pre_url"] = Base64(webhook.Settings.PreUrl),
        ["post_url"] = Base64(webhook.Settings.PostUrl),
        ["filters"] = Base64(string.Join(Separator, webhook.Settings.Filters)),
    };

    /// <summary>Reads <see cref="Columns"/>.</summary>
    public static StoredWebhook Read(Row row, int at = 0) => new(
        row.Int64(at),
        new ServiceSid(row.Sid(at + 1)),
        new WebhookSettings
        {
            PreUrl = row.Text(at + 7),
            PostUrl = row.Text(at + 8),
            Filters = row.Text(at + 9).Split(Separator, StringSplitOptions.RemoveEmptyEntries),
            Method = (WebhookMethod)row.Int32(at + 6),
            PreFailsClosed = row.Flag(at + 10),
        },
        new WebhookPosition(
            row.Int64(at + 2),
            row.OptionalInt64(at + 3),
            row.OptionalInt64(at + 4) is { } since && row.OptionalInt64(at + 5) is { } after ? new WebhookSweep(since, after) : null))
    {
        SecretGeneration = row.Int64(at + 11),
        Epoch = row.Int64(at + 12),
    };

    private static string Base64(string text) => Convert.ToBase64String(Utf8.Of(text));
}
