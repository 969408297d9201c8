using System.Collections.Concurrent;
using System.Threading.Channels;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Server.Tests.Cluster;

/// <summary>
/// The views of a cluster whose nodes are servers of this process, and channels between them that lose nothing and keep the order. Safe
/// from any thread.
/// </summary>
internal sealed class LoopbackNetwork
{
    private readonly ConcurrentDictionary<NodeId, ChannelWriter<(NodeId From, NodeMessage Message)>> _inboxes = new();
    private readonly Lock _gate = new(); // guards changes of the view
    private volatile ClusterView _view = new(Number: 0, []);

    /// <summary>Adds a node to the views. Returns them as the node sees them.</summary>
    public IClusterView Join(NodeId node)
    {
        lock (_gate)
            _view = new ClusterView(_view.Number + 1, [.. _view.Nodes.Add(node).OrderBy(other => other.Name, StringComparer.Ordinal)]);
        return new View(this, node);
    }

    /// <summary>Removes a node from the views: its process is gone.</summary>
    public void Leave(NodeId node)
    {
        if (_inboxes.TryRemove(node, out var inbox))
            inbox.TryComplete();
        lock (_gate)
            _view = new ClusterView(_view.Number + 1, _view.Nodes.Remove(node));
    }

    /// <summary>Connects a node that takes what it receives on a task of its own.</summary>
    public INodeChannel Connect(NodeId node, Func<Action<NodeId, NodeMessage>> receiver)
    {
        var inbox = Channel.CreateUnbounded<(NodeId From, NodeMessage Message)>(new() { SingleReader = true });
        _inboxes[node] = inbox.Writer;
        _ = Task.Run(async () =>
        {
            await foreach (var (from, message) in inbox.Reader.ReadAllAsync())
                receiver()(from, message);
        });
        return new Sender(this, node);
    }

    private sealed class View(LoopbackNetwork network, NodeId self) : IClusterView
    {
        public NodeId Self => self;

        public ClusterView Current => network._view;
    }

    private sealed class Sender(LoopbackNetwork network, NodeId from) : INodeChannel
    {
        public void Send(NodeId receiver, NodeMessage message)
        {
            if (network._inboxes.TryGetValue(receiver, out var inbox))
                inbox.TryWrite((from, message));
        }
    }
}
