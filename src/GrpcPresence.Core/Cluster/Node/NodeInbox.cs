using System.Collections.Concurrent;
using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Cluster.Ownership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// The messages that wait for the next step of the node. <see cref="Add"/> is safe from any thread; only the loop of the node takes them.
/// </summary>
/// <param name="parts">The parts of the node.</param>
/// <param name="table">Learns holders.</param>
/// <param name="ownership">Takes the items of hand-overs.</param>
/// <param name="closes">Takes the closes of streams.</param>
/// <param name="nodes">Takes the states of other nodes.</param>
/// <param name="watched">What this node watches.</param>
/// <param name="wake">Wakes the loop.</param>
internal sealed class NodeInbox(
    NodeParts parts,
    ShardTable table,
    ShardOwnership ownership,
    StreamCloses closes,
    JoinedNodes nodes,
    WatchedSet watched,
    Action wake)
{
    private readonly ConcurrentQueue<(NodeId From, object Message)> _messages = new();

    /// <summary>Adds a message.</summary>
    public void Add(NodeId from, object message)
    {
        _messages.Enqueue((from, message));
        wake();
    }

    /// <summary>
    /// Handles messages, at most <see cref="Limits.MessagesAtOnce"/>, where the users of a closed stream count as messages. Wakes the loop
    /// if some are left.
    /// </summary>
    public void Step()
    {
        for (var left = Limits.MessagesAtOnce; left > 0 && _messages.TryDequeue(out var received); left--)
        {
            switch (received.Message)
            {
                case HandOverItem item:
                    ownership.Receive(received.From, item, parts.Clock.Now);
                    break;
                case CloseStreamItem close:
                    left -= closes.Receive(close, parts.Clock.Now);
                    break;
                case WatchedServices services:
                    parts.Hints.Receive(received.From, services);
                    break;
                case WatchedChange change:
                    parts.Hints.Receive(received.From, change);
                    break;
                case WatchedRequest:
                    parts.Channel.Send(received.From, watched.ToMessage());
                    break;
                case HolderHint hint:
                    foreach (var holder in hint.Shards)
                        table.Update(holder.Shard, new KnownHolder(holder.Node, holder.Epoch, hint.Data));
                    break;
                case NodeStatus status:
                    nodes.Receive(received.From, status);
                    if (!parts.Hints.Knows(received.From, status.Watched))
                        parts.Channel.Send(received.From, new WatchedRequest());
                    break;
            }
        }
        if (!_messages.IsEmpty)
            wake();
    }
}
