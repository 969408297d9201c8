using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Channel;

/// <summary>
/// Sends messages to other nodes. It may lose, delay, repeat and reorder them. It never gives the message for one run of a node to another
/// run. Safe from any thread.
/// </summary>
/// <remarks>What arrives is given to <see cref="NodeLinks.Receive"/> and to the other receivers of messages, with its sender.</remarks>
public interface INodeChannel
{
    /// <summary>Sends a message. Returns at once, and never fails.</summary>
    void Send(NodeId receiver, NodeMessage message);
}
