namespace GrpcPresence.Core.Cluster.Node;

/// <summary>How a node has ended. It never serves again; a new run of its name may join.</summary>
/// <param name="Reason">The reason.</param>
/// <param name="Detail">One line for the log, without identities.</param>
public sealed record NodeEnd(NodeEndReason Reason, string Detail);

/// <summary>Why a node has ended.</summary>
public enum NodeEndReason
{
    /// <summary>It left: its shards were given away, or no node was left to take them.</summary>
    Left,

    /// <summary>
    /// It was asked to leave, and had not left after <see cref="Domain.Limits.LeaveTime"/>. Other nodes evict it, and take over the shards
    /// that it still held. What it had decided and not stored is lost; no call that was answered with success depended on that.
    /// </summary>
    LeaveTimedOut,

    /// <summary>The store did not let it join: this run was evicted, or a later run of its name has joined.</summary>
    JoinRefused,

    /// <summary>The view does not contain it any more. Other nodes take its shards over.</summary>
    NotInView,

    /// <summary>The store says that it is not active, or has lost commits of it. Other nodes take its shards over.</summary>
    NotActive,

    /// <summary>
    /// Neither the store nor a majority of the other nodes has confirmed it for <see cref="Domain.Limits.ConfirmationLoss"/>: the process
    /// was paused, or cut off. Other nodes may have taken its shards over.
    /// </summary>
    Unconfirmed,

    /// <summary>
    /// A part of this process that the node needs has failed, because of a bug in this program. Other nodes take its shards over.
    /// </summary>
    Faulted,
}
