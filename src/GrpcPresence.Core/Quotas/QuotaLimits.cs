using System.ComponentModel;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// How much one subject may use. Each is at least 1, and <see cref="int.MaxValue"/> is no limit in practice. A rate allows what a second
/// allows at once, see <see cref="TokenBucketOptions.Burst"/>. Immutable.
/// </summary>
public sealed record QuotaLimits
{
    /// <summary>Streams, watches and those of heartbeats, that may be open at the same time.</summary>
    [Description("Watches and heartbeat streams open at the same time")]
    public required int OpenStreams { get; init; }

    /// <summary>Users whom open watches may name together; one who is named by two counts twice.</summary>
    [Description("Users that open watches name, counted once for each watch")]
    public required int WatchedUsers { get; init; }

    /// <summary>Heartbeats a second.</summary>
    [Description("Heartbeats a second, unary calls and entries of streams")]
    public required int HeartbeatsPerSecond { get; init; }

    /// <summary>Calls a second that change what is stored.</summary>
    [Description("Calls a second that change what is stored")]
    public required int WritesPerSecond { get; init; }

    /// <summary>Streams that may be opened in a second.</summary>
    [Description("Watches and heartbeat streams opened in a second")]
    public required int NewStreamsPerSecond { get; init; }

    /// <summary>Users who may exist, of a service instance: the writer holds them against it. No caller has such a quota.</summary>
    [Description("Users that exist")]
    public int Users { get; init; } = int.MaxValue;

    /// <summary>The limit of a quota.</summary>
    public int Of(Quota quota) => quota switch
    {
        Quota.OpenStreams => OpenStreams,
        Quota.WatchedUsers => WatchedUsers,
        Quota.HeartbeatsPerSecond => HeartbeatsPerSecond,
        Quota.WritesPerSecond => WritesPerSecond,
        Quota.Users => Users,
        Quota.NewStreamsPerSecond => NewStreamsPerSecond,
        _ => throw new ArgumentOutOfRangeException(nameof(quota), quota, "The quota has no limit."),
    };
}
