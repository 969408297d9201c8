using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Closes heartbeat streams at each node that may know them. Used only by the loop of the node.
/// </summary>
/// <remarks>
/// <list type="number">
/// <item>The ingress of a stream sends its close to each node of the view, and for <see cref="Limits.StreamCloseWait"/> to each node that
/// appears, because a shard may move to a node that the ingress does not see yet.</item>
/// <item>A node closes the stream for the users of all its shards, whatever their gates. It remembers the close for
/// <see cref="Limits.StreamCloseMemory"/>: what arrives later does not bring the stream back.</item>
/// <item>A hand-over may wait longer for its switch. It keeps the closes of its streams until the shard is loaded.</item>
/// </list>
/// So whichever node opens a shard, it has closed the stream before, or closes it when the close arrives.
/// </remarks>
/// <param name="self">This node.</param>
/// <param name="shards">The shards in the tracker.</param>
/// <param name="streams">The streams that this node has met.</param>
/// <param name="note">Takes each close, for the hand-overs to this node that wait for their switch.</param>
/// <param name="trySend">Queues an item for another node. Returns false if too much waits for it.</param>
internal sealed class StreamCloses(
    NodeId self, TrackedShards shards, HeartbeatStreams streams, Action<CloseStreamItem> note, SendItem trySend)
{
    private readonly List<(CloseStreamItem Close, TimeSpan Until)> _own = []; // of streams that were opened to this node
    private readonly Dictionary<NodeId, long> _next = []; // the number of the first close that was not sent to the node
    private long _first; // the number of the first close in the list
    private long _seen = -1; // the number of the last view

    /// <summary>Closes a stream. Returns the number of users that were visited.</summary>
    public int Receive(CloseStreamItem close, TimeSpan now)
    {
        if (close.Stream.Ingress == self)
            _own.Add((close, now + Limits.StreamCloseWait));
        note(close);
        return shards.CloseStream(close.Stream, close.EndsSessions, now + Limits.StreamCloseMemory);
    }

    /// <summary>
    /// Sends what is due, at most <see cref="Limits.MessagesAtOnce"/> closes to each node, and forgets what is over. Returns whether more
    /// can be sent at once.
    /// </summary>
    public bool Step(ClusterView view, TimeSpan now)
    {
        streams.Forget(view.Contains, now);
        Forget(view, now);
        var hasMore = false;
        foreach (var node in view.Nodes)
        {
            if (node != self)
                hasMore |= Send(node);
        }
        return hasMore;
    }

    private bool Send(NodeId node)
    {
        var next = Math.Max(_next.GetValueOrDefault(node), _first);
        var last = _first + _own.Count;
        var end = Math.Min(next + Limits.MessagesAtOnce, last);
        for (; next < end; next++)
        {
            var (close, until) = _own[(int)(next - _first)];
            if (!trySend(node, close, until))
                break; // the next step tries again
        }
        _next[node] = next;
        return next == end && end < last;
    }

    private void Forget(ClusterView view, TimeSpan now)
    {
        var over = 0;
        while (over < _own.Count && now >= _own[over].Until)
            over++;
        _own.RemoveRange(0, over);
        _first += over;
        if (_seen == view.Number)
            return;
        _seen = view.Number;
        foreach (var node in _next.Keys)
        {
            if (!view.Contains(node))
                _next.Remove(node);
        }
    }
}
