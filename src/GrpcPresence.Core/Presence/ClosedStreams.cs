using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The heartbeat streams that were closed lately: what comes after the close must not bring them back. That is a heartbeat that waited for
/// the owner of its shard, and a hand-over that began before its holder heard of the close. Guarded by the lock of
/// <see cref="HeartbeatStreams"/>.
/// </summary>
internal sealed class ClosedStreams
{
    private readonly Dictionary<StreamId, Closed> _closed = [];
    private readonly Queue<(StreamId Id, TimeSpan Until)> _order = new();

    /// <summary>The number of streams.</summary>
    public int Count => _closed.Count;

    /// <summary>Adds a stream, or remembers it for longer.</summary>
    /// <param name="id">The stream.</param>
    /// <param name="endsSessions">Whether its sessions end with it.</param>
    /// <param name="stream">The stream; null if this node has not met it.</param>
    /// <param name="until">The time of the clock of the node up to which it is remembered.</param>
    public void Add(StreamId id, bool endsSessions, HeartbeatStream? stream, TimeSpan until)
    {
        _closed[id] = new Closed(endsSessions, stream ?? _closed.GetValueOrDefault(id).Stream, until);
        _order.Enqueue((id, until));
    }

    /// <summary>
    /// Returns the stream; null if it was not closed lately. One that this node had not met is older than all others: it may have been
    /// opened before any of them.
    /// </summary>
    public HeartbeatStream? Find(StreamId id)
    {
        if (!_closed.TryGetValue(id, out var closed))
            return null;
        if (closed.Stream is { } known)
            return known;
        var stream = new HeartbeatStream(closed.EndsSessions, HeartbeatStream.Oldest, new MetStream(id));
        stream.TakeUsers();
        _closed[id] = closed with { Stream = stream };
        return stream;
    }

    /// <summary>Forgets what was remembered for long enough.</summary>
    public void Forget(TimeSpan now)
    {
        while (_order.TryPeek(out var first) && now >= first.Until)
        {
            _order.Dequeue();
            if (_closed.TryGetValue(first.Id, out var closed) && now >= closed.Until)
                _closed.Remove(first.Id);
        }
    }

    private readonly record struct Closed(bool EndsSessions, HeartbeatStream? Stream, TimeSpan Until);
}
