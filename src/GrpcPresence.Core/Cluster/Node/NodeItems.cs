using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// The items of the links: sends those of this node, and gives each that arrives to the part that handles it. Calls and results are handled
/// at once, by the thread that brings them. Safe from any thread.
/// </summary>
internal sealed class NodeItems : ILinkReceiver
{
    private readonly NodeParts _parts;
    private readonly NodeId _self;
    private readonly NodeLinks _links;
    private readonly OwnedCalls _owned;
    private readonly Action<NodeId, LinkItem> _others;

    /// <param name="parts">The parts of the node.</param>
    /// <param name="table">The holders of the shards.</param>
    /// <param name="isConfirmed">Whether the node may answer now.</param>
    /// <param name="others">Takes the items that are neither calls nor results.</param>
    /// <param name="wake">Wakes the loop.</param>
    public NodeItems(NodeParts parts, ShardTable table, Func<bool> isConfirmed, Action<NodeId, LinkItem> others, Action wake)
    {
        (_parts, _self, _others) = (parts, parts.View.Self, others);
        _links = new NodeLinks(parts.Channel, this);
        _owned = new OwnedCalls(
            parts.Tracker, parts.Tracker.Streams!, parts.Services, parts.Executor, table, isConfirmed,
            (to, item) => Send(to, item, parts.Clock.Now + Limits.ForwardedCall), wake);
        Router = new UserRouter(
            _self, table, parts.Gates, parts.Tracker, parts.Tracker.Streams!, parts.Clock, isConfirmed, Send, wake);
    }

    /// <summary>Brings the calls of this ingress to their owners.</summary>
    public UserRouter Router { get; }

    /// <summary>Sends an item to another node, or gives it to this one. Returns false if it cannot be sent.</summary>
    public bool Send(NodeId to, LinkItem item, TimeSpan deadline)
    {
        if (to == _self)
        {
            Receive(_self, item);
            return true;
        }
        if (!_parts.View.Current.Contains(to) || !_links.TrySend(to, item, deadline))
            return false;
        _links.Flush(to, _parts.Clock.Now);
        return true;
    }

    /// <inheritdoc cref="NodeLinks.TrySend"/>
    public bool TryQueue(NodeId to, LinkItem item, TimeSpan deadline) => _links.TrySend(to, item, deadline);

    /// <summary>Takes a message of another node, and returns whether it was one of a link.</summary>
    public bool Receive(NodeId from, NodeMessage message, TimeSpan now) => _links.Receive(from, message, now);

    /// <summary>Takes an item, also one of this node.</summary>
    public void Receive(NodeId from, LinkItem item)
    {
        switch (item)
        {
            case CallItem call:
                _owned.Receive(from, call);
                break;
            case ResultItem result:
                Router.Receive(from, result);
                break;
            default:
                _others(from, item);
                break;
        }
    }

    /// <inheritdoc/>
    public void Receive(NodeId from, ImmutableArray<LinkItem> items)
    {
        foreach (var item in items)
            Receive(from, item);
        _links.Flush(from, _parts.Clock.Now);
    }

    /// <inheritdoc/>
    public void Drop(NodeId node, DroppedItem lost)
    {
        if (lost.Item is CallItem call)
            Router.Drop(node, call, lost.Outcome);
    }

    /// <inheritdoc cref="NodeLinks.ReadStatus"/>
    public ImmutableArray<LinkStatus> ReadLinks(TimeSpan now) => _links.ReadStatus(now);

    /// <summary>Sends the results that are complete, and what is due. Only for the loop of the node.</summary>
    public void Step(ClusterView view)
    {
        _owned.Flush();
        Router.Tick(view);
        _links.Tick(view, _parts.Clock.Now);
    }
}
