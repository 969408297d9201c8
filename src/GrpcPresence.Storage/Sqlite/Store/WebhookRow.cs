using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage;

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

    /// <summary>Joins a list of events for storage.</summary>
    public static string Join(IReadOnlyList<string> filters) => string.Join(Separator, filters);

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
