using System.Collections.Immutable;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Confirmation;

/// <summary>
/// An eviction that this node works on, at one moment: the view lacks a node that the store shows as active. Immutable.
/// </summary>
public sealed record EvictionStatus
{
    /// <summary>The node to evict.</summary>
    public required NodeId Node { get; init; }

    /// <summary>
    /// The age of its lease, as this node knows it. It must be above <see cref="Limits.Confirmation"/>. If it stays below, the node still
    /// renews its lease: it is alive, and only the view lacks it.
    /// </summary>
    public required TimeSpan LeaseAge { get; init; }

    /// <summary>How many more votes are needed; 0 if there are enough.</summary>
    public required int VotesNeeded { get; init; }

    /// <summary>The members that have not voted; empty if no vote is needed any more.</summary>
    public required ImmutableArray<MissingVote> MissingVotes { get; init; }

    /// <summary>After how long the eviction needs no votes, because the peers alone can confirm the node no longer.</summary>
    public required TimeSpan NeedsNoVotesAfter { get; init; }

    /// <summary>Whether the store was asked for the eviction and has not answered.</summary>
    public required bool IsAsked { get; init; }
}

/// <summary>A vote that an eviction lacks.</summary>
/// <param name="Node">The member.</param>
/// <param name="Obstacle">Why it has not voted; null if it was not asked yet, or has not answered.</param>
public readonly record struct MissingVote(NodeId Node, VoteObstacle? Obstacle);

/// <summary>Why a node does not vote for an eviction.</summary>
public enum VoteObstacle
{
    /// <summary>It has confirmed the node within the last <see cref="Limits.Confirmation"/>: it still reaches the node.</summary>
    Promised,

    /// <summary>It has started within the last <see cref="Limits.Confirmation"/>, so its earlier run may have confirmed the node.</summary>
    JustStarted,

    /// <summary>It knows other data than the node that asks, or none yet.</summary>
    OtherData,

    /// <summary>The view lacks it, so it is not asked.</summary>
    NotInView,
}
