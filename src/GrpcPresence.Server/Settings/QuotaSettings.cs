using GrpcPresence.Core.Quotas;

namespace GrpcPresence.Server.Settings;

/// <summary>How much service instances and callers may use. Immutable.</summary>
internal sealed record QuotaSettings
{
    /// <summary>
    /// What each service instance may use, of all its callers together. 20,000 open streams take, as watches, about 170 MiB when idle, and
    /// 1,000,000 watched users about 280 MiB; 5,000 new streams a second bring that many watches back within 4 s after a restart. 100,000
    /// heartbeats a second keep 3,000,000 sessions alive that beat every 30 s. 5,000 writes a second take about a fifth of the one writer.
    /// 10,000,000 users are some gigabytes of disk.
    /// </summary>
    public QuotaLimits ServiceInstance { get; init; } = new()
    {
        OpenStreams = 20_000,
        WatchedUsers = 1_000_000,
        HeartbeatsPerSecond = 100_000,
        WritesPerSecond = 5_000,
        Users = 10_000_000,
        NewStreamsPerSecond = 5_000,
    };

    /// <summary>
    /// What each API key may use. The same as a service instance: its key is the application's own server, often the only one, and may use
    /// all of it.
    /// </summary>
    public QuotaLimits ApiKey { get; init; } = new()
    {
        OpenStreams = 20_000,
        WatchedUsers = 1_000_000,
        HeartbeatsPerSecond = 100_000,
        WritesPerSecond = 5_000,
        NewStreamsPerSecond = 5_000,
    };

    /// <summary>
    /// What each end user may use, with however many access tokens. 20 open streams are a few on each of a person's devices, 10,000 watched
    /// users ten of the largest contact lists that one watch takes, and 10 new streams a second bring all of them back within 2 s. 20
    /// heartbeats a second are far more than a person's sessions need, also when they all wake together; 10 writes a second are more than a
    /// person makes by hand.
    /// </summary>
    public QuotaLimits AccessToken { get; init; } = new()
    {
        OpenStreams = 20,
        WatchedUsers = 10_000,
        HeartbeatsPerSecond = 20,
        WritesPerSecond = 10,
        NewStreamsPerSecond = 10,
    };

    /// <summary>Whether the subject has the quota. A caller owns no users, so that only a service instance has a quota of users.</summary>
    public static bool Has(string subject, string quota) => quota != nameof(QuotaLimits.Users) || subject == nameof(ServiceInstance);
}
