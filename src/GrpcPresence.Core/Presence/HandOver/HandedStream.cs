using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Presence.HandOver;

/// <summary>
/// A heartbeat stream that the old holder of a shard has met, with its place in the order of streams. A stream that owns no session any
/// more is carried too: otherwise its late heartbeat would take a session back from the stream that followed it.
/// </summary>
/// <param name="Id">The stream.</param>
/// <param name="Order">Greater for a stream that was met later.</param>
/// <param name="EndSessionsOnClose">Whether the stream's sessions end soon after the client closes it.</param>
public sealed record HandedStream(StreamId Id, long Order, bool EndSessionsOnClose);
