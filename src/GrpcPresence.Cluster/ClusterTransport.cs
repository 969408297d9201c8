using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;
using Microsoft.Extensions.Logging;

namespace GrpcPresence.Cluster;

/// <summary>
/// A node's connection to the others of its cluster, by Orleans: says which nodes are alive, and carries messages between them. The owner
/// attaches handlers, then starts it once and stops it once.
/// </summary>
/// <remarks>A process that does not call <see cref="CreateAsync"/> loads no assembly of Orleans.</remarks>
public sealed class ClusterTransport : IAsyncDisposable
{
    private ClusterTransport()
    {
    }

    /// <summary>
    /// The newest view, and the identity of this node, which is known before the start. Before the node has joined, the view is empty and
    /// its number is <see cref="long.MinValue"/>.
    /// </summary>
    public IClusterView View => throw new NotImplementedException();

    /// <summary>Sends messages to nodes of the view. A message to any other node is dropped.</summary>
    public INodeChannel Channel => throw new NotImplementedException();

    /// <summary>
    /// A message has arrived: its sender, and the message. Called from several threads. The handler must return soon and must not block: it
    /// delays the other messages. An exception is logged and counted, and the message is lost.
    /// </summary>
    public event Action<NodeId, NodeMessage>? MessageReceived;

    /// <summary>
    /// There is a new view, which <see cref="View"/> shows already. Called by one thread at a time, in the order of the views.
    /// </summary>
    public event Action<ClusterView>? ViewChanged;

    /// <summary>
    /// The others have declared this run dead, or its membership failed. It sends and receives nothing any more. Called at most once, and
    /// never after <see cref="StopAsync"/> was called. The owner must end the process or dispose of the transport.
    /// </summary>
    public event Action<ClusterTransportEnd>? Ended;

    /// <summary>Checks the options, and takes an incarnation that is greater than that of every earlier run at the address.</summary>
    /// <exception cref="ClusterTransportException">
    /// An option is invalid, a file of TLS is, the database does not answer, or it lacks the tables of the membership.
    /// </exception>
    public static Task<ClusterTransport> CreateAsync(
        ClusterTransportOptions options, ILoggerFactory loggerFactory, CancellationToken cancellationToken) =>
        throw new NotImplementedException();

    /// <summary>Joins the cluster. When it returns, <see cref="View"/> shows this node.</summary>
    /// <exception cref="ClusterTransportException">
    /// The port is in use, or a node of the view cannot be reached and is not declared dead either within the time to join.
    /// </exception>
    public Task StartAsync(CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>
    /// Leaves the cluster. The others see that at once. The cancellation makes it end without telling them.
    /// </summary>
    public Task StopAsync(CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>Returns what was sent, received and dropped since the creation.</summary>
    public ClusterTransportCounters ReadCounters() => throw new NotImplementedException();

    /// <summary>Ends without telling the others, unless <see cref="StopAsync"/> has returned.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();

    private void Raise(NodeId from, NodeMessage message, ClusterView view, ClusterTransportEnd end)
    {
        MessageReceived?.Invoke(from, message);
        ViewChanged?.Invoke(view);
        Ended?.Invoke(end);
    }
}
