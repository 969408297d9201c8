using Microsoft.Extensions.Logging;

namespace GrpcPresence.Cluster.Channel;

/// <summary>The receiving side of the channel. Orleans runs it on one thread at a time.</summary>
internal sealed class NodeService(GrainId grainId, Silo silo, ILoggerFactory loggerFactory, NodeInbox inbox)
    : GrainService(grainId, silo, loggerFactory), INodeService
{
    /// <inheritdoc/>
    public Task Deliver(byte[] message)
    {
        inbox.Post(message);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task Probe() => Task.CompletedTask;
}
