using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>What an operator should know of the shards of a node, at one moment.</summary>
/// <param name="Targets">The number of shards that the node should hold.</param>
/// <param name="Open">The number of shards that are open here.</param>
/// <param name="Waits">Those that the node holds or should hold, and that are not open here, in their order.</param>
/// <param name="HandOvers">Those that are moving to or from the node.</param>
/// <param name="LoadFailures">How many loads have failed in a row because the store did.</param>
internal sealed record ShardReport(
    int Targets, int Open, IReadOnlyList<ShardWait> Waits, IReadOnlyList<HandOver> HandOvers, int LoadFailures);

/// <summary>A shard for which a node does not answer although it holds it or should hold it.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Reason">What it waits for.</param>
/// <param name="Node">The other node that it waits for, if any.</param>
internal readonly record struct ShardWait(Shard Shard, ShardWaitReason Reason, NodeId? Node = null);

/// <summary>A shard that is moving.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Stage">How far the move is.</param>
/// <param name="Peer">The node that gets the shard, or that gives it away; null if it is not chosen yet.</param>
internal readonly record struct HandOver(Shard Shard, HandOverStage Stage, NodeId? Peer);

/// <summary>What a shard waits for before its node answers for it.</summary>
public enum ShardWaitReason
{
    /// <summary>No node holds it. This node claims it in the store.</summary>
    Claim,

    /// <summary>
    /// Its holder is not among the nodes that have joined and are alive. It must be evicted, which takes the time-out of its lease and
    /// votes: see the evictions.
    /// </summary>
    Eviction,

    /// <summary>Its holder is alive and has not begun to hand it over. It hands over a few shards at a time.</summary>
    Release,

    /// <summary>Its holder hands it over to this node. It is not switched yet, or this node does not know the outcome.</summary>
    HandOver,

    /// <summary>
    /// The data has changed, because commits may be lost. A node that has not said that it knows the new data may still answer for the
    /// shard: see the data.
    /// </summary>
    Agreement,

    /// <summary>This node holds it and has not begun to load it: it loads a few at a time, or the last load has failed.</summary>
    LoadQueue,

    /// <summary>This node reads its users from the store, or is about to open it.</summary>
    Loading,

    /// <summary>
    /// A commit has shown that this node does not hold it any more. The next poll shows who does.
    /// </summary>
    Lost,

    /// <summary>This node gives it away. Calls wait until it is open at the receiver.</summary>
    GivenAway,

    /// <summary>This node leaves, nobody is left to take the shard, and what was decided is being stored.</summary>
    Leaving,

    /// <summary>It is open, but this node is not confirmed, so it answers no call that depends on sessions: see the confirmation.</summary>
    Unconfirmed,
}

/// <summary>How far the move of a shard is.</summary>
public enum HandOverStage
{
    /// <summary>Outgoing. The webhook loops of the shard are being stopped. Calls go on.</summary>
    Draining,

    /// <summary>Outgoing. The shard is sealed, and what was decided before is being stored. Calls wait from now on.</summary>
    Settling,

    /// <summary>Outgoing. The users are being sent, and the receiver has not said that it has all of them.</summary>
    Sending,

    /// <summary>Outgoing. The store was asked to give the shard to the receiver, and the outcome is not known.</summary>
    Switching,

    /// <summary>Incoming. The users are arriving.</summary>
    Receiving,

    /// <summary>Incoming. All users have arrived, and the switch is not known yet.</summary>
    Received,
}
