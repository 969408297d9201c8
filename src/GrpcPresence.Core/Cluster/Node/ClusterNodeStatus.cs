using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Ownership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// What an operator should know of a node, at one moment. Immutable. All durations are of the clock of the node, and count up to that
/// moment. Names nodes, and no user and no secret.
/// </summary>
public sealed record ClusterNodeStatus
{
    /// <summary>The node.</summary>
    public required NodeId Node { get; init; }

    /// <summary>
    /// How long ago the loop of the node has taken this. Much more than <see cref="Limits.NodeReadInterval"/> means that the loop is stuck,
    /// unless the node has ended.
    /// </summary>
    public required TimeSpan Age { get; init; }

    /// <summary>Where the node is in its life.</summary>
    public required NodePhase Phase { get; init; }

    /// <summary>What the node waits for while it joins; otherwise null.</summary>
    public required JoinWait? JoinWait { get; init; }

    /// <summary>What the node waits for while it leaves; otherwise null.</summary>
    public required LeaveWait? LeaveWait { get; init; }

    /// <summary>How the node has ended; null while it has not.</summary>
    public required NodeEnd? End { get; init; }

    /// <summary>Whether clients may call the node: see <see cref="ClusterNode.IsReady"/>.</summary>
    public required bool IsReady { get; init; }

    /// <summary>What is wrong with the clock of the node: see <see cref="ClusterNode.ClockProblem"/>; null if nothing is.</summary>
    public required string? ClockProblem { get; init; }

    /// <summary>
    /// Whether the store has not answered the node for <see cref="Limits.StoreAbsence"/>. The others give it no shard then.
    /// </summary>
    public required bool IsStoreAway { get; init; }

    /// <summary>The number of the newest view.</summary>
    public required long ViewNumber { get; init; }

    /// <summary>The nodes of that view.</summary>
    public required ImmutableArray<NodeId> View { get; init; }

    /// <summary>The nodes that the store shows as active. Those that the view lacks are evicted.</summary>
    public required ImmutableArray<NodeId> Members { get; init; }

    /// <summary>The data that the node knows.</summary>
    public required NodeDataStatus Data { get; init; }

    /// <summary>Whether the node may answer, and who confirms it.</summary>
    public required ConfirmationStatus Confirmation { get; init; }

    /// <summary>The evictions that the node works on.</summary>
    public required ImmutableArray<EvictionStatus> Evictions { get; init; }

    /// <summary>The shards for which the node should answer.</summary>
    public required ShardsStatus Shards { get; init; }

    /// <summary>The moves of shards in progress, the longest ones first; at most <see cref="Limits.StatusEntries"/>.</summary>
    public required ImmutableArray<HandOverStatus> HandOvers { get; init; }

    /// <summary>The number of all moves in progress.</summary>
    public required int HandOverCount { get; init; }

    /// <summary>The links to the other nodes of the view, and to those for which items wait.</summary>
    public required ImmutableArray<PeerStatus> Peers { get; init; }

    /// <summary>The calls of clients of this node that have no result yet, counted by what they wait for.</summary>
    public required ImmutableArray<CallWaitCount> Calls { get; init; }

    /// <summary>The calls of the store that wait, or whose last answer was an error.</summary>
    public required ImmutableArray<StoreCallStatus> StoreCalls { get; init; }
}

/// <summary>Where a node is in its life.</summary>
public enum NodePhase
{
    /// <summary>It has not joined, or has not polled the store since it joined.</summary>
    Joining,

    /// <summary>It has joined.</summary>
    Joined,

    /// <summary>It was asked to leave, and has not left yet.</summary>
    Leaving,

    /// <summary>It has ended.</summary>
    Ended,
}

/// <summary>The data that a node knows.</summary>
/// <param name="Identity">The data; null before the first poll.</param>
/// <param name="KnownFor">How long the node has known it.</param>
/// <param name="IsAgreed">Whether no node answers any more by earlier data, so that this node may take shards over.</param>
/// <param name="Unagreed">The nodes that have not said that they know the data, while that is not so.</param>
/// <param name="IsComparing">
/// Whether the node compares the stored presence of its shards after lost commits. No shard moves meanwhile.
/// </param>
public sealed record NodeDataStatus(
    DataIdentity? Identity, TimeSpan KnownFor, bool IsAgreed, ImmutableArray<NodeId> Unagreed, bool IsComparing);

/// <summary>The shards for which a node should answer.</summary>
/// <param name="Targets">The number of shards that the node should hold, as the nodes that have joined make it.</param>
/// <param name="Open">The number of shards that are open at the node.</param>
/// <param name="Waits">The shards that the node holds or should hold and does not answer for, counted by what they wait for.</param>
/// <param name="Longest">Those that wait longest; at most <see cref="Limits.StatusEntries"/>.</param>
public sealed record ShardsStatus(
    int Targets, int Open, ImmutableArray<ShardWaitCount> Waits, ImmutableArray<ShardWaitStatus> Longest);

/// <summary>How many shards wait for the same.</summary>
/// <param name="Reason">What they wait for.</param>
/// <param name="Node">The other node that they wait for, if any.</param>
/// <param name="Count">The number of shards.</param>
/// <param name="Longest">How long the first of them has been waiting.</param>
public readonly record struct ShardWaitCount(ShardWaitReason Reason, NodeId? Node, int Count, TimeSpan Longest);

/// <summary>A shard that waits.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Reason">What it waits for now.</param>
/// <param name="Node">The other node that it waits for, if any.</param>
/// <param name="For">
/// How long this node has not answered for it, whatever the reason was: since the first reading that has shown that, so up to
/// <see cref="Limits.NodeReadInterval"/> too little.
/// </param>
public readonly record struct ShardWaitStatus(Shard Shard, ShardWaitReason Reason, NodeId? Node, TimeSpan For);

/// <summary>The move of a shard.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="IsOutgoing">Whether this node gives the shard away. Otherwise it gets the shard.</param>
/// <param name="Peer">The other node; null if it is not chosen yet.</param>
/// <param name="Stage">How far the move is.</param>
/// <param name="For">How long it has been going on; up to <see cref="Limits.NodeReadInterval"/> too little.</param>
public readonly record struct HandOverStatus(Shard Shard, bool IsOutgoing, NodeId? Peer, HandOverStage Stage, TimeSpan For);

/// <summary>The link to another node.</summary>
/// <param name="Node">The node.</param>
/// <param name="IsInView">Whether the view shows it.</param>
/// <param name="IsLeaving">Whether it has said last that it leaves. It is the target of no shard then.</param>
/// <param name="IsStoreAway">Whether it has said last that the store does not answer it. It is the target of no shard then.</param>
/// <param name="ReceivedBefore">How long ago the last message of it has arrived; null if none has.</param>
/// <param name="QueuedItems">The items that wait for it and were not sent yet.</param>
/// <param name="QueuedBytes">The approximate size of these.</param>
/// <param name="SentItems">The items that were sent and that it has not acknowledged.</param>
/// <param name="UnacknowledgedFor">How long ago these were sent for the first time; null if nothing was sent.</param>
public readonly record struct PeerStatus(
    NodeId Node,
    bool IsInView,
    bool IsLeaving,
    bool IsStoreAway,
    TimeSpan? ReceivedBefore,
    int QueuedItems,
    long QueuedBytes,
    int SentItems,
    TimeSpan? UnacknowledgedFor);
