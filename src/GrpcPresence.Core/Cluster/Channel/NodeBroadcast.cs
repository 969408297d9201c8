using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Channel;

/// <summary>Sends one message to several nodes.</summary>
internal static class NodeBroadcast
{
    /// <summary>Sends a message to each node of a view except this one.</summary>
    public static void SendToOthers(this INodeChannel channel, ClusterView view, NodeId self, NodeMessage message)
    {
        foreach (var node in view.Nodes)
        {
            if (node != self)
                channel.Send(node, message);
        }
    }
}
