using System.Collections.Immutable;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Confirmation;

/// <summary>What an operator should know of the confirmation of a node, at one moment. Immutable.</summary>
public sealed record ConfirmationStatus
{
    /// <summary>What the node may do.</summary>
    public required ConfirmationState State { get; init; }

    /// <summary>How long the present confirmation lasts; null if the node is not confirmed.</summary>
    public required TimeSpan? ConfirmedFor { get; init; }

    /// <summary>
    /// After how long the node ends if nobody confirms it until then; null before it has joined, and when it is never confirmed again.
    /// </summary>
    public required TimeSpan? EndsAfter { get; init; }

    /// <summary>
    /// How long ago the node sent the last renewal that the store has acknowledged in time. More than a few times
    /// <see cref="Limits.ConfirmationRenewal"/> means that the store does not answer. Null before the first renewal in the data that the
    /// node knows.
    /// </summary>
    public required TimeSpan? RenewedBefore { get; init; }

    /// <summary>How long the other nodes can confirm this one without the store; null if they cannot.</summary>
    public required TimeSpan? PeersConfirmFor { get; init; }

    /// <summary>
    /// The members that have confirmed no request of the last <see cref="Limits.Confirmation"/>, while the store does not answer. A
    /// majority of the members, this node included, must confirm it. Empty while the store answers.
    /// </summary>
    public required ImmutableArray<NodeId> SilentPeers { get; init; }

    /// <summary>How often the node has become confirmed. More than once means that calls were rejected in between.</summary>
    public required int TimesConfirmed { get; init; }
}
