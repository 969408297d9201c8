using System.Collections.Concurrent;
using GrpcPresence.Core.Domain;
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
/// <para>
/// <b>End.</b> A stream is known until it is closed, until this node holds none of its shards any more, or until its ingress is gone.
/// </para>
/// </remarks>
public sealed class HeartbeatStreams
{
    private readonly LeaseClock _clock;
    private readonly ConcurrentDictionary<StreamId, HeartbeatStream> _streams = new(); // changed under the lock, read without it
    private readonly Lock _gate = new(); // guards the rest; taken inside a part's lock; only the clock and a stream are called under it
    private readonly HashSet<HeartbeatStream>?[] _byShard = new HashSet<HeartbeatStream>?[Shard.Count];
    private readonly Dictionary<NodeId, Ingress> _ingresses = [];
    private readonly ClosedStreams _closed = new();
    private long _lastNumber = HeartbeatStream.Oldest;

    internal HeartbeatStreams(LeaseClock clock) => _clock = clock;

    /// <summary>The number of streams.</summary>
    public int Count => _streams.Count;

    /// <summary>The streams.</summary>
    internal IEnumerable<StreamId> Known => _streams.Keys;

    /// <summary>The number of streams that were closed lately.</summary>
    internal int ClosedCount
    {
        get
        {
            lock (_gate)
                return _closed.Count;
        }
    }

    /// <summary>
    /// Returns the stream, which is the newest one if this node has not met it before. Returns a closed one if it was closed lately.
    /// </summary>
    public HeartbeatStream Meet(StreamId id, bool endSessionsOnClose)
    {
        if (_streams.TryGetValue(id, out var known))
            return known;
        lock (_gate)
        {
            if (_streams.TryGetValue(id, out known))
                return known;
            if (_closed.Find(id) is { } closed)
                return closed;
            _lastNumber = Math.Max(_lastNumber + 1, _clock.ToUptime(_clock.Now).Ticks);
            return Add(new HeartbeatStream(endSessionsOnClose, _lastNumber, new MetStream(id)));
        }
    }

    /// <summary>Returns the stream; null if this node does not know it.</summary>
    public HeartbeatStream? Find(StreamId id) => _streams.GetValueOrDefault(id);

    /// <summary>Forgets the streams of a node that is gone. Their sessions stay: the end of a node is not a close by the client.</summary>
    public void Forget(NodeId ingress)
    {
        lock (_gate)
        {
            foreach (var (id, stream) in _streams)
            {
                if (id.Ingress == ingress)
                    Remove(stream);
            }
        }
    }

    /// <summary>
    /// Forgets the streams of each node that has not been alive for <see cref="Limits.IngressAbsence"/>, and closed streams that nothing
    /// late can concern any more. To be called again and again.
    /// </summary>
    /// <param name="isAlive">Whether the view shows a node. It may not show a new one yet.</param>
    /// <param name="now">The time of the clock of the node.</param>
    internal void Forget(Predicate<NodeId> isAlive, TimeSpan now)
    {
        List<NodeId>? gone = null;
        lock (_gate)
        {
            _closed.Forget(now);
            foreach (var (node, ingress) in _ingresses)
            {
                if (isAlive(node))
                    ingress.AbsentSince = null;
                else if (now - (ingress.AbsentSince ??= now) >= Limits.IngressAbsence)
                    (gone ??= []).Add(node);
            }
        }
        foreach (var node in gone ?? [])
            Forget(node);
    }

    /// <summary>
    /// Notes that a stream sends heartbeats for users of a shard. Returns the stream, or the one that is known for it by now: it was closed
    /// or forgotten since it was met. Call it under the lock of the part that has the shard, while its gate is open.
    /// </summary>
    internal HeartbeatStream Enter(HeartbeatStream stream, Shard shard)
    {
        lock (_gate)
        {
            var id = stream.Met!.Id;
            if (_closed.Find(id) is { } closed)
                return closed;
            var known = _streams.GetValueOrDefault(id) ?? Add(stream);
            AddTo(shard, known);
            return known;
        }
    }

    /// <summary>
    /// Closes a stream: it is in no shard any more, and does not come back while it is remembered. Returns it; null if this node does not
    /// know it. What becomes of its sessions is for the caller.
    /// </summary>
    /// <param name="id">The stream.</param>
    /// <param name="endsSessions">Whether its sessions end with it.</param>
    /// <param name="until">The time of the clock of the node up to which the close is remembered.</param>
    internal HeartbeatStream? Close(StreamId id, bool endsSessions, TimeSpan until)
    {
        lock (_gate)
        {
            var stream = _streams.GetValueOrDefault(id);
            if (stream is not null)
                Remove(stream);
            _closed.Add(id, endsSessions, stream, until);
            return stream;
        }
    }

    /// <summary>Returns the streams that have sent heartbeats for users of the shard, by ascending number.</summary>
    internal IReadOnlyList<HandedStream> ListOf(Shard shard)
    {
        lock (_gate)
            return [.. (_byShard[shard.Number] ?? []).Select(ToHanded).OrderBy(stream => stream.Order)];
    }

    /// <summary>Adds the streams of a shard that is handed over to this node, apart from those that were closed lately.</summary>
    internal void Add(Shard shard, IEnumerable<HandedStream> streams)
    {
        lock (_gate)
        {
            foreach (var handed in streams)
            {
                _lastNumber = Math.Max(_lastNumber, handed.Order);
                if (_closed.Find(handed.Id) is { } closed)
                {
                    closed.Lower(handed.Order);
                    continue;
                }
                if (_streams.TryGetValue(handed.Id, out var known))
                    known.Lower(handed.Order);
                else
                    known = Add(new HeartbeatStream(handed.EndSessionsOnClose, handed.Order, new MetStream(handed.Id)));
                AddTo(shard, known);
            }
        }
    }

    /// <summary>
    /// Returns the stream that owns a session that is handed over. One that is closed is not kept here: it only stays the owner, so that
    /// an older stream does not take the session. If its sessions end with it, it cannot be the owner.
    /// </summary>
    internal HeartbeatStream OwnerOf(HandedStream handed)
    {
        lock (_gate)
        {
            return _streams.GetValueOrDefault(handed.Id)
                ?? _closed.Find(handed.Id)
                ?? new HeartbeatStream(endSessionsOnClose: false, handed.Order, new MetStream(handed.Id));
        }
    }

    /// <summary>
    /// Forgets that streams have sent heartbeats for the shard, because it has left the node, and forgets those of which no shard is left.
    /// </summary>
    internal void Remove(Shard shard)
    {
        lock (_gate)
        {
            var streams = _byShard[shard.Number];
            _byShard[shard.Number] = null;
            foreach (var stream in streams ?? [])
            {
                stream.Met!.Remove(shard);
                if (stream.Met.IsEmpty)
                    Remove(stream);
            }
        }
    }

    internal static HandedStream ToHanded(HeartbeatStream stream) => new(stream.Met!.Id, stream.Number, stream.EndSessionsOnClose);

    private HeartbeatStream Add(HeartbeatStream stream)
    {
        var id = stream.Met!.Id;
        _streams[id] = stream;
        if (!_ingresses.TryGetValue(id.Ingress, out var ingress))
            _ingresses.Add(id.Ingress, ingress = new Ingress());
        ingress.Streams++;
        return stream;
    }

    private void Remove(HeartbeatStream stream)
    {
        var id = stream.Met!.Id;
        if (!_streams.TryRemove(id, out _))
            return;
        while (stream.Met.TryTake(out var shard))
        {
            if (_byShard[shard.Number] is { } streams && streams.Remove(stream) && streams.Count == 0)
                _byShard[shard.Number] = null;
        }
        if (--_ingresses[id.Ingress].Streams == 0)
            _ingresses.Remove(id.Ingress);
    }

    private void AddTo(Shard shard, HeartbeatStream stream)
    {
        stream.Met!.Add(shard);
        (_byShard[shard.Number] ??= []).Add(stream);
    }

    /// <summary>A node to which clients have opened streams.</summary>
    private sealed class Ingress
    {
        public int Streams { get; set; }

        public TimeSpan? AbsentSince { get; set; }
    }
}
