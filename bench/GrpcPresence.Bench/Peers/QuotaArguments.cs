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
        nameof(QuotaLimits.OpenStreams), nameof(QuotaLimits.WatchedUsers), nameof(QuotaLimits.HeartbeatsPerSecond), nameof(QuotaLimits.WritesPerSecond),
        nameof(QuotaLimits.NewStreamsPerSecond),
    ];

    /// <summary>
    /// No quota that anybody reaches. A scenario wants to know what a server can do and not what one tenant may, and its load is all of one
    /// tenant; the quotas are checked all the same, so that what that costs is part of each figure.
    /// </summary>
    public static IReadOnlyList<string> OutOfReach { get; } =
    [
        .. from subject in Subjects from quota in OfAll select Of(subject, quota, int.MaxValue),
        OfServiceInstance(nameof(QuotaLimits.Users), int.MaxValue),
    ];

    /// <summary>A quota of each service instance.</summary>
    public static string OfServiceInstance(string quota, int limit) => Of(nameof(QuotaSettings.ServiceInstance), quota, limit);

    private static string Of(string subject, string quota, int limit) =>
        string.Create(CultureInfo.InvariantCulture, $"--{ServerSettings.Section}:{nameof(ServerSettings.Quotas)}:{subject}:{quota}={limit}");
}
