using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Quotas;

/// <summary>An amount of each quota that the nodes of a cluster share. Immutable.</summary>
/// <remarks>
/// Shared are the rates and the levels that say how much of the service a tenant may use in all. The other quotas stay per node, because
/// they protect what each node has of its own: its readers (<see cref="Quota.ConcurrentReads"/>), its memory (<see
/// cref="Quota.UnreadResponseBytes"/>, <see cref="Quota.OpenRequests"/>), its processor (<see cref="Quota.InflatedKibPerSecond"/>) and its
/// connections to back ends (<see cref="Quota.PendingPreWebhooks"/>). A share of such a level would reject calls for which the node has
/// room. <see cref="Quota.Users"/> is counted by the store.
/// </remarks>
/// <param name="HeartbeatsPerSecond">Of <see cref="Quota.HeartbeatsPerSecond"/>.</param>
/// <param name="WritesPerSecond">Of <see cref="Quota.WritesPerSecond"/>.</param>
/// <param name="NewStreamsPerSecond">Of <see cref="Quota.NewStreamsPerSecond"/>.</param>
/// <param name="RowsReadPerSecond">Of <see cref="Quota.RowsReadPerSecond"/>.</param>
/// <param name="OpenStreams">Of <see cref="Quota.OpenStreams"/>.</param>
/// <param name="WatchedUsers">Of <see cref="Quota.WatchedUsers"/>.</param>
public readonly record struct QuotaAmounts(
    int HeartbeatsPerSecond, int WritesPerSecond, int NewStreamsPerSecond, int RowsReadPerSecond, int OpenStreams, int WatchedUsers)
{
    /// <summary>The shared rates.</summary>
    public static readonly ImmutableArray<Quota> Rates =
        [Quota.HeartbeatsPerSecond, Quota.WritesPerSecond, Quota.NewStreamsPerSecond, Quota.RowsReadPerSecond];

    /// <summary>The shared levels.</summary>
    public static readonly ImmutableArray<Quota> Levels = [Quota.OpenStreams, Quota.WatchedUsers];

    /// <summary>The shared quotas.</summary>
    public static readonly ImmutableArray<Quota> All = [.. Rates, .. Levels];

    /// <summary>The amount of a shared quota.</summary>
    public int this[Quota quota] => quota switch
    {
        Quota.HeartbeatsPerSecond => HeartbeatsPerSecond,
        Quota.WritesPerSecond => WritesPerSecond,
        Quota.NewStreamsPerSecond => NewStreamsPerSecond,
        Quota.RowsReadPerSecond => RowsReadPerSecond,
        Quota.OpenStreams => OpenStreams,
        Quota.WatchedUsers => WatchedUsers,
        _ => throw new ArgumentOutOfRangeException(nameof(quota), quota, "Nodes do not share the quota."),
    };

    /// <summary>Returns the amounts that a function gives.</summary>
    public static QuotaAmounts Create(Func<Quota, int> amountOf) => new(
        amountOf(Quota.HeartbeatsPerSecond),
        amountOf(Quota.WritesPerSecond),
        amountOf(Quota.NewStreamsPerSecond),
        amountOf(Quota.RowsReadPerSecond),
        amountOf(Quota.OpenStreams),
        amountOf(Quota.WatchedUsers));

    /// <summary>Returns the amounts that a function gives for the rates, and 0 of each level.</summary>
    public static QuotaAmounts OfRates(Func<Quota, int> amountOf) => new(
        amountOf(Quota.HeartbeatsPerSecond),
        amountOf(Quota.WritesPerSecond),
        amountOf(Quota.NewStreamsPerSecond),
        amountOf(Quota.RowsReadPerSecond),
        OpenStreams: 0,
        WatchedUsers: 0);
}
