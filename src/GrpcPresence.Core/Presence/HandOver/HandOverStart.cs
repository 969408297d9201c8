using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Presence.HandOver;

/// <summary>What a hand-over says of a shard before its users.</summary>
/// <param name="TakenOver">
/// The uptime at which a node last took the shard over, and the wall time at which the node before was last known to run. It dates users
/// that have sent no heartbeat since.
/// </param>
/// <param name="Streams">The streams that have sent heartbeats of users of the shard, and are not closed; by ascending order.</param>
public sealed record HandOverStart(ServerUptime TakenOver, IReadOnlyList<HandedStream> Streams);
