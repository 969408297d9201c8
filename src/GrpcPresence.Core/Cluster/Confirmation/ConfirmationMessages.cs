using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Cluster.Confirmation;

/// <summary>Asks a peer to confirm the sender while the store does not answer.</summary>
/// <param name="Data">The data that the sender knows.</param>
/// <param name="Renewal">The last renewal of the sender that the store acknowledged.</param>
/// <param name="Round">Greater for each later request. The answer repeats it.</param>
public sealed record ConfirmRequest(DataIdentity Data, long Renewal, long Round) : NodeMessage;

/// <summary>
/// The sender takes no part in an eviction of the receiver for <see cref="Domain.Limits.Confirmation"/>, from when it sent this.
/// </summary>
/// <param name="Round">That of the request.</param>
public sealed record ConfirmResponse(long Round) : NodeMessage;

/// <summary>Asks a peer for its vote for an eviction.</summary>
/// <param name="Node">The node that is to be evicted.</param>
/// <param name="Data">The data in which the sender has found the lease of the node.</param>
/// <param name="Renewal">The last renewal of the node in that data.</param>
public sealed record VoteRequest(NodeId Node, DataIdentity Data, long Renewal) : NodeMessage;

/// <summary>
/// The sender has promised the node nothing. It confirms no request of the node that names this renewal or an earlier one, or other data.
/// </summary>
/// <param name="Node">The node that is to be evicted.</param>
/// <param name="Data">That of the request.</param>
/// <param name="Renewal">That of the request.</param>
public sealed record Vote(NodeId Node, DataIdentity Data, long Renewal) : NodeMessage;

/// <summary>The sender does not vote for the eviction of a node now. Only an operator needs to know.</summary>
/// <param name="Node">That of the request.</param>
/// <param name="Data">That of the request.</param>
/// <param name="Renewal">That of the request.</param>
/// <param name="Obstacle">Why the sender does not vote.</param>
public sealed record VoteRefused(NodeId Node, DataIdentity Data, long Renewal, VoteObstacle Obstacle) : NodeMessage;

/// <summary>Asks a node whether it still answers by other data than this.</summary>
/// <param name="Data">The data that the sender knows.</param>
public sealed record DataCheckRequest(DataIdentity Data) : NodeMessage;

/// <summary>The sender holds and confirms nothing by other data than this.</summary>
/// <param name="Data">That of the question.</param>
/// <param name="KnownFor">How long the sender has known the data.</param>
public sealed record DataCheckResponse(DataIdentity Data, TimeSpan KnownFor) : NodeMessage;
