using System.ComponentModel;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Quotas;

/// <summary>
/// The limits of one subject. Each is at least 1; <see cref="int.MaxValue"/> means unlimited in practice. A rate allows one second's worth
/// at once, see <see cref="TokenBucketOptions.Burst"/>. Immutable.
/// </summary>
public sealed record QuotaLimits
{
    /// <summary>Watches and heartbeat streams that may be open at the same time.</summary>
    [Description("Watches and heartbeat streams open at the same time")]
    public required int OpenStreams { get; init; }

    /// <summary>Users that open watches may name together. A user named by two watches counts twice.</summary>
    [Description("Users that open watches name, counted once for each watch")]
    public required int WatchedUsers { get; init; }

    /// <summary>Heartbeats per second.</summary>
    [Description("Heartbeats a second, unary calls and entries of streams")]
    public required int HeartbeatsPerSecond { get; init; }

    /// <summary>Calls per second that change what is stored.</summary>
    [Description("Calls a second that change what is stored")]
    public required int WritesPerSecond { get; init; }

    /// <summary>Streams that may be opened per second.</summary>
    [Description("Watches and heartbeat streams opened in a second")]
    public required int NewStreamsPerSecond { get; init; }

    /// <summary>
    /// Rows of the store that may be read per second. A call counts as at least <see cref="Domain.Limits.RowsPerCall"/>, and a row of more
    /// than <see cref="Domain.Limits.RowUnitBytes"/> counts several times.
    /// </summary>
    [Description("Rows read in a second by calls and watches; a call counts as at least 10")]
    public required int RowsReadPerSecond { get; init; }

    /// <summary>Calls that may read the store, or wait to read it, at the same time. Watches count as open streams instead.</summary>
    [Description("Calls that read, or wait to read, at the same time")]
    public required int ConcurrentReads { get; init; }

    /// <summary>Bytes of responses that clients have not read yet. Not a setting.</summary>
    public int UnreadResponseBytes { get; init; } = Domain.Limits.UnreadResponseBytes;

    /// <summary>KiB to which compressed messages may inflate per second. Not a setting.</summary>
    public int InflatedKibPerSecond { get; init; } = Domain.Limits.InflatedKibPerSecond;

    /// <summary>Calls of a caller that may be open on HTTP/2 connections at the same time, streams included. Not a setting.</summary>
    public int OpenRequests { get; init; } = Domain.Limits.OpenRequests;

    /// <summary>Users of a service instance. The writer enforces it. Callers do not have this quota.</summary>
    [Description("Users that exist")]
    public int Users { get; init; } = int.MaxValue;

    /// <summary>
    /// Edits of a service instance that may wait for its pre-event webhook at the same time. Callers do not have this quota.
    /// </summary>
    [Description("Edits that wait for the pre-event webhook at the same time")]
    public int PendingPreWebhooks { get; init; } = 50;

    /// <summary>Returns the limit of a quota.</summary>
    public int Of(Quota quota) => quota switch
    {
        Quota.OpenStreams => OpenStreams,
        Quota.WatchedUsers => WatchedUsers,
        Quota.HeartbeatsPerSecond => HeartbeatsPerSecond,
        Quota.WritesPerSecond => WritesPerSecond,
        Quota.Users => Users,
        Quota.NewStreamsPerSecond => NewStreamsPerSecond,
        Quota.PendingPreWebhooks => PendingPreWebhooks,
        Quota.RowsReadPerSecond => RowsReadPerSecond,
        Quota.ConcurrentReads => ConcurrentReads,
        Quota.UnreadResponseBytes => UnreadResponseBytes,
        Quota.InflatedKibPerSecond => InflatedKibPerSecond,
        Quota.OpenRequests => OpenRequests,
        _ => throw new ArgumentOutOfRangeException(nameof(quota), quota, "The quota has no limit."),
    };
}
