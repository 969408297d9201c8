using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Sends the others the status of this node, and each change of what it watches. Used only by the loop of the node.
/// </summary>
/// <param name="parts">The parts of the node.</param>
/// <param name="watched">What the node watches.</param>
/// <param name="listDelivered">Lists the service instances whose webhooks the node delivers. It watches these too.</param>
internal sealed class StatusSender(NodeParts parts, WatchedSet watched, Func<IReadOnlyList<ServiceSid>> listDelivered)
{
    private TimeSpan _statusAt = TimeSpan.MinValue;
    private TimeSpan _watchedAt = TimeSpan.MinValue; // when the last change was sent
    private long _number; // of the last status

    /// <summary>Sends what has changed in what the node watches, at most once every <see cref="Limits.NodeStep"/>.</summary>
    public void SendWatched(ClusterView view)
    {
        var now = parts.Clock.Now;
        if (now < _watchedAt + Limits.NodeStep || watched.TakeChange() is not { } change)
            return;
        _watchedAt = now;
        parts.Channel.SendToOthers(view, parts.View.Self, change);
    }

    /// <summary>Sends the status if it is due. Returns whether it was.</summary>
    public bool SendStatus(ClusterView view, bool isLeaving, bool isStoreAway)
    {
        var now = parts.Clock.Now;
        if (now < _statusAt + Limits.NodeStatusInterval)
            return false;
        _statusAt = now;
        _number++;
        watched.SetDelivered(listDelivered());
        parts.Channel.SendToOthers(view, parts.View.Self, new NodeStatus(isLeaving, isStoreAway, _number, watched.Number));
        return true;
    }
}
