using System.Collections.Concurrent;
using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Channel;

/// <summary>
/// The links of this node: from and to each other node, an ordered stream of items over a channel that loses, repeats and reorders
/// messages. An item arrives at most once. It arrives exactly once if both runs go on and its deadline does not pass before. Safe from any
/// thread.
/// </summary>
/// <remarks>
/// A link ends when its peer is among <see cref="DepartedNodes"/>; no late batch of it counts any more. A peer that no view has shown yet
/// may be a new one, and may send and receive.
/// </remarks>
public sealed class NodeLinks(INodeChannel channel, ILinkReceiver receiver)
{
    private readonly ConcurrentDictionary<NodeId, Peer> _peers = new();
    private readonly DepartedNodes _gone = new();

    /// <summary>
    /// Queues an item, which the next <see cref="Flush"/> sends. Returns false, and does nothing, if the node is gone or too much waits for
    /// it. Otherwise the item is acknowledged, or given to <see cref="ILinkReceiver.Drop"/>, and never both.
    /// </summary>
    /// <param name="to">The receiver.</param>
    /// <param name="item">The item.</param>
    /// <param name="deadline">The time of the clock of this node from which the item is not sent any more.</param>
    public bool TrySend(NodeId to, LinkItem item, TimeSpan deadline) => !_gone.Contains(to) && PeerOf(to).Outbound.TryQueue(item, deadline);

    /// <summary>Sends what is queued for a node, unless a batch is in flight. The acknowledgement of that one sends it.</summary>
    public void Flush(NodeId to, TimeSpan now)
    {
        if (_peers.TryGetValue(to, out var peer))
            Advance(to, peer, now);
    }

    /// <summary>
    /// Sends what is queued or due again, and gives up what is expired or was for a node that is gone. To be called at least every 50 ms,
    /// and after each new view.
    /// </summary>
    public void Tick(ClusterView view, TimeSpan now)
    {
        _gone.Note(view);
        // In one order in each process, so that a simulation can be repeated: the dictionary's own depends on random hashes of names.
        foreach (var (node, peer) in _peers.OrderBy(static peer => peer.Key.Name, StringComparer.Ordinal))
        {
            if (!_gone.Contains(node))
            {
                Advance(node, peer, now);
            }
            else if (_peers.TryRemove(node, out _))
            {
                foreach (var lost in peer.Outbound.Close())
                    receiver.Drop(node, lost);
            }
        }
    }

    /// <summary>Returns what waits for each node, ordered by its name.</summary>
    public ImmutableArray<LinkStatus> ReadStatus(TimeSpan now) =>
        [.. _peers.Select(peer => peer.Value.Outbound.Read(peer.Key, now)).OrderBy(link => link.Node.Name, StringComparer.Ordinal)];

    /// <summary>Takes a message, and returns whether it was one of a link.</summary>
    public bool Receive(NodeId from, NodeMessage message, TimeSpan now)
    {
        switch (message)
        {
            case LinkBatch batch:
                // In this order: if the node becomes gone meanwhile, the link is a new one, which would take the batch a second time.
                var link = PeerOf(from).Inbound;
                if (!_gone.Contains(from))
                    Take(from, link, batch);
                return true;
            case LinkAcknowledgement acknowledgement:
                if (_peers.TryGetValue(from, out var peer))
                {
                    peer.Outbound.Acknowledge(acknowledgement.Number);
                    Advance(from, peer, now);
                }
                return true;
            default:
                return false;
        }
    }

    private void Take(NodeId from, InboundLink link, LinkBatch batch)
    {
        var arrival = link.Arrive(batch.Number);
        if (arrival == Arrival.Ignore)
            return;
        if (arrival == Arrival.Deliver)
        {
            try
            {
                if (!batch.Items.IsEmpty)
                    receiver.Receive(from, batch.Items);
            }
            finally
            {
                link.Complete();
            }
        }
        channel.Send(from, new LinkAcknowledgement(batch.Number));
    }

    private void Advance(NodeId to, Peer peer, TimeSpan now)
    {
        var step = peer.Outbound.Advance(now);
        if (step.Batch is { } batch)
            channel.Send(to, batch);
        foreach (var lost in step.Lost)
            receiver.Drop(to, lost);
    }

    private Peer PeerOf(NodeId node) => _peers.TryGetValue(node, out var peer) ? peer : _peers.GetOrAdd(node, static _ => new Peer());

    /// <summary>Both directions between this node and another one.</summary>
    private sealed class Peer
    {
        public OutboundLink Outbound { get; } = new();

        public InboundLink Inbound { get; } = new();
    }
}
