using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Closes heartbeat streams for the users that this node owns. A close that comes while a shard moves waits until the shard is open here,
/// or goes on to the node that has got it. Otherwise the sessions of the stream would live until their leases end. Used only by the loop of
/// the node.
/// </summary>
internal sealed class StreamCloses(
    NodeId self, ShardTable table, ShardGates gates, TrackedShards shards, Action<NodeId, CloseStreamItem> send)
{
    private readonly List<(StreamId Stream, Shard Shard, TimeSpan Until)> _waiting = [];

    /// <summary>Closes a stream for all shards.</summary>
    public void Receive(StreamId stream, TimeSpan now)
    {
        for (var number = 0; number < Shard.Count; number++)
        {
            var shard = new Shard(number);
            var isDone = gates[shard].IsHeld ? shards.CloseStream(stream, shard, byClient: true) : table[shard].Node != self;
            if (!isDone)
                _waiting.Add((stream, shard, now + Limits.StreamCloseWait));
        }
    }

    /// <summary>Closes what has waited for its shard.</summary>
    public void Step(TimeSpan now)
    {
        if (_waiting.Count > 0)
            _waiting.RemoveAll(close => now >= close.Until || TryClose(close.Stream, close.Shard));
    }

    private bool TryClose(StreamId stream, Shard shard)
    {
        if (gates[shard].IsHeld)
            return shards.CloseStream(stream, shard, byClient: true);
        if (table[shard].Node is not { } holder || holder == self)
            return false;
        send(holder, new CloseStreamItem(stream));
        return true;
    }
}
