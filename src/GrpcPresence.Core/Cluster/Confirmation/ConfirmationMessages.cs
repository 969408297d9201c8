using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Confirmation;

/// <summary>Asks a peer to confirm the sender while the store does not answer.</summary>
/// <param name="Renewal">The last renewal of the sender that the store acknowledged.</param>
/// <param name="Round">Greater for each later request. The answer repeats it.</param>
public sealed record ConfirmRequest(long Renewal, long Round) : NodeMessage;

/// <summary>
/// The sender takes no part in an eviction of the receiver for <see cref="Domain.Limits.Confirmation"/>, from when it sent this.
/// </summary>
/// <param name="Round">That of the request.</param>
public sealed record Confirm(long Round) : NodeMessage;

/// <summary>Asks a peer for its vote for an eviction.</summary>
/// <param name="Node">The node that is to be evicted.</param>
/// <param name="Renewal">Its last renewal in the store.</param>
public sealed record VoteRequest(NodeId Node, long Renewal) : NodeMessage;

/// <summary>The sender has promised the node nothing, and confirms no request of it that names this renewal or an earlier one.</summary>
/// <param name="Node">The node that is to be evicted.</param>
/// <param name="Renewal">That of the request.</param>
public sealed record Vote(NodeId Node, long Renewal) : NodeMessage;
