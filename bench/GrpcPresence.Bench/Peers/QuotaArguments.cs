using System.Globalization;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Server.Settings;

namespace GrpcPresence.Bench.Peers;

/// <summary>The quotas of a server under test, as arguments of its command line.</summary>
internal static class QuotaArguments
{
    private static readonly string[] Subjects =
        [nameof(QuotaSettings.ServiceInstance), nameof(QuotaSettings.ApiKey), nameof(QuotaSettings.AccessToken)];

    private static readonly string[] OfAll =
    [
        nameof(QuotaLimits.OpenStreams), nameof(QuotaLimits.WatchedUsers), nameof(QuotaLimits.HeartbeatsPerSecond),
        nameof(QuotaLimits.WritesPerSecond),
        nameof(QuotaLimits.NewStreamsPerSecond), nameof(QuotaLimits.RowsReadPerSecond), nameof(QuotaLimits.ConcurrentReads),
    ];

    /// <summary>
    /// Quotas that no load reaches. A scenario measures what a server can do, not what one tenant may do, and its load belongs to one
    /// tenant. The server still checks the quotas, so that each figure includes their cost.
    /// </summary>
    public static IReadOnlyList<string> OutOfReach { get; } =
    [
        .. from subject in Subjects from quota in OfAll select Of(subject, quota, int.MaxValue),
        OfServiceInstance(nameof(QuotaLimits.Users), int.MaxValue),
        OfServiceInstance(nameof(QuotaLimits.PendingPreWebhooks), int.MaxValue),
    ];

    /// <summary>Returns the argument for a quota of each service instance.</summary>
    public static string OfServiceInstance(string quota, int limit) => Of(nameof(QuotaSettings.ServiceInstance), quota, limit);

    private static string Of(string subject, string quota, int limit) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"--{ServerSettings.Section}:{nameof(ServerSettings.Quotas)}:{subject}:{quota}={limit}");
}
