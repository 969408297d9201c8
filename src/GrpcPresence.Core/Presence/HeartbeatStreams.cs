using System.Collections.Concurrent;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence.HandOver;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The heartbeat streams that this node has met as the holder of shards, whichever node the clients opened them to. Safe from any thread.
/// </summary>
/// <remarks>
/// <para>
/// <b>Order.</b> An older stream does not take a session back. The node numbers a stream when it first meets it, because only the client
/// knows in which order it opened streams to different nodes. A hand-over carries the numbers. After a take-over, the order of arrival at
/// the new holder counts.
/// </para>
/// <para>
/// <b>Numbers.</b> Those of different nodes are compared after a hand-over, so they are uptimes of the cluster in ticks of 100 ns. A number
/// is above all that the node has given or received, so a stream that is met after a hand-over is newer than each one that was handed over,
/// whatever the clocks say.
/// </para>
/// </remarks>
public sealed class HeartbeatStreams
{
    private readonly LeaseClock _clock;
    private readonly ConcurrentDictionary<StreamId, HeartbeatStream> _streams = new();
    private readonly Lock _gate = new(); // orders numbers and additions; nothing but the clock is called under it
    private long _lastNumber;

    internal HeartbeatStreams(LeaseClock clock) => _clock = clock;

    /// <summary>The number of streams.</summary>
    public int Count => _streams.Count;

    /// <summary>Returns the stream, which is the newest one if this node has not met it before.</summary>
    public HeartbeatStream Meet(StreamId id, bool endSessionsOnClose)
    {
        if (_streams.TryGetValue(id, out var known))
            return known;
        lock (_gate)
        {
            if (_streams.TryGetValue(id, out known))
                return known;
            _lastNumber = Math.Max(_lastNumber + 1, _clock.ToUptime(_clock.Now).Ticks);
            return _streams[id] = new HeartbeatStream(endSessionsOnClose, _lastNumber, new MetStream(id));
        }
    }

    /// <summary>Returns the stream; null if this node has not met it.</summary>
    public HeartbeatStream? Find(StreamId id) => _streams.GetValueOrDefault(id);

    /// <summary>Forgets the streams of a node that is gone. Their sessions stay: the end of a node is not a close by the client.</summary>
    public void Forget(NodeId ingress)
    {
        foreach (var id in _streams.Keys)
        {
            if (id.Ingress == ingress)
                _streams.TryRemove(id, out _);
        }
    }

    /// <summary>Returns the streams that have sent heartbeats for users of the shard, by ascending number.</summary>
    internal IReadOnlyList<HandedStream> ListOf(Shard shard) =>
        [.. _streams.Values.Where(stream => stream.Met!.Has(shard)).Select(ToHanded).OrderBy(stream => stream.Order)];

    /// <summary>Adds the streams of a shard that is handed over to this node.</summary>
    internal void Add(Shard shard, IEnumerable<HandedStream> streams)
    {
        lock (_gate)
        {
            foreach (var handed in streams)
            {
                if (_streams.TryGetValue(handed.Id, out var known))
                    known.Number = Math.Min(known.Number, handed.Order);
                else
                    _streams[handed.Id] = known = new HeartbeatStream(handed.EndSessionsOnClose, handed.Order, new MetStream(handed.Id));
                known.Met!.Add(shard);
                _lastNumber = Math.Max(_lastNumber, handed.Order);
            }
        }
    }

    /// <summary>
    /// Returns the stream that owns a session that is handed over. One that is closed is not kept here: it only stays the owner, so that
    /// an older stream does not take the session.
    /// </summary>
    internal HeartbeatStream OwnerOf(HandedStream handed) =>
        Find(handed.Id) ?? new HeartbeatStream(endSessionsOnClose: false, handed.Order, new MetStream(handed.Id));

    /// <summary>Forgets that the stream has sent heartbeats for the shard, and forgets the stream if no shard is left.</summary>
    internal void Remove(HeartbeatStream stream, Shard shard)
    {
        if (stream.Met!.Remove(shard))
            _streams.TryRemove(KeyValuePair.Create(stream.Met.Id, stream));
    }

    /// <summary>Forgets this for all streams, because the shard has left the node.</summary>
    internal void Remove(Shard shard)
    {
        foreach (var stream in _streams.Values)
        {
            if (stream.Met!.Has(shard))
                Remove(stream, shard);
        }
    }

    internal static HandedStream ToHanded(HeartbeatStream stream) => new(stream.Met!.Id, stream.Number, stream.EndSessionsOnClose);
}
