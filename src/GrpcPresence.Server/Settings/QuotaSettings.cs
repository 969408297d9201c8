using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Quotas;

namespace GrpcPresence.Server.Settings;

/// <summary>The quotas of service instances and callers. Immutable.</summary>
internal sealed record QuotaSettings
{
    /// <summary>
    /// The quotas of each service instance, for all its callers together. 20,000 open streams take about 170 MiB as idle watches, and
    /// 1,000,000 watched users about 280 MiB. 5,000 new streams per second restore that many watches within 4 s after a restart. 100,000
    /// heartbeats per second keep 3,000,000 sessions alive that send one every 30 s. 5,000 writes per second use about a fifth of the one
    /// writer. 10,000,000 users need some gigabytes of disk. 50 pending pre-event webhooks allow 500 edits per second of a back end that
    /// answers within 100 ms. 100,000 rows per second use about a third of one processor, with their encoding: a snapshot of 1,000,000
    /// users takes 10 s, the 20,000 rows of 20,000 watches that resume at the same time are a burst, and calls that read one user may be
    /// 10,000 in a second. 10,000 concurrent reads are a burst of a whole back end.
    /// </summary>
    public QuotaLimits ServiceInstance { get; init; } = new()
    {
        OpenStreams = 20_000,
        WatchedUsers = 1_000_000,
        HeartbeatsPerSecond = 100_000,
        WritesPerSecond = 5_000,
        Users = 10_000_000,
        NewStreamsPerSecond = 5_000,
        PendingPreWebhooks = 50,
        RowsReadPerSecond = 100_000,
        ConcurrentReads = 10_000,
    };

    /// <summary>
    /// The quotas of each API key. They equal those of a service instance: the key belongs to the application's own server, often the only
    /// one, and may use the whole quota.
    /// </summary>
    public QuotaLimits ApiKey { get; init; } = new()
    {
        OpenStreams = 20_000,
        WatchedUsers = 1_000_000,
        HeartbeatsPerSecond = 100_000,
        WritesPerSecond = 5_000,
        NewStreamsPerSecond = 5_000,
        RowsReadPerSecond = 100_000,
        ConcurrentReads = 10_000,
    };

    /// <summary>
    /// The quotas of each end user, for all of the user's access tokens together. 20 open streams allow a few on each of a person's
    /// devices. 10,000 watched users are ten of the largest contact lists that one watch accepts. 10 new streams per second reopen all
    /// streams within 2 s. 20 heartbeats per second are far more than a person's sessions need, even when all of them wake at once. 10
    /// writes per second are more than a person makes by hand. 10,000 rows per second are more users than a person reads, and use a few
    /// percent of a processor. A page that lists all users page by page gets them at this rate. 100 concurrent reads load a page with that
    /// many parts.
    /// </summary>
    public QuotaLimits AccessToken { get; init; } = new()
    {
        OpenStreams = 20,
        WatchedUsers = 10_000,
        HeartbeatsPerSecond = 20,
        WritesPerSecond = 10,
        NewStreamsPerSecond = 10,
        RowsReadPerSecond = 10_000,
        ConcurrentReads = 100,
        UnreadResponseBytes = Limits.UnreadResponseBytesOfEndUser,
        OpenRequests = Limits.OpenRequestsOfEndUser,
        InflatedKibPerSecond = Limits.InflatedKibPerSecondOfEndUser,
    };

    /// <summary>
    /// Whether the quota is a setting of the subject. Only a service instance has quotas of users and of pre-event webhooks, because a
    /// caller owns neither.
    /// </summary>
    public static bool Has(string subject, string quota) => quota switch
    {
        nameof(QuotaLimits.Users) or nameof(QuotaLimits.PendingPreWebhooks) => subject == nameof(ServiceInstance),
        nameof(QuotaLimits.UnreadResponseBytes) or nameof(QuotaLimits.OpenRequests) or nameof(QuotaLimits.InflatedKibPerSecond) => false,
        _ => true,
    };
}
