using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Node;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Server.Composition.Cluster;

/// <summary>Logs what happens in the life of a cluster node. No entry names a user, a service instance or a secret.</summary>
internal static partial class NodeLog
{
    /// <summary>Logs an event of the node.</summary>
    public static void Write(ILogger logger, NodeEvent happened)
    {
        switch (happened)
        {
            case NodeJoined:
                Joined(logger);
                break;
            case NodeReady ready:
                Ready(logger, ready.After);
                break;
            case NodeNotReady unready:
                NotReady(logger, unready.Reason, unready.After);
                break;
            case NodeLeaving leaving:
                Leaving(logger, leaving.OpenShards);
                break;
            case NodeEnded { End: var end }:
                Ended(logger, end.Reason == NodeEndReason.Left ? LogLevel.Information : LogLevel.Error, end.Reason, end.Detail);
                break;
            case ShardsMoved moved:
                Moved(logger, moved.Opened, moved.Closed, moved.Open);
                break;
            case NodeConfirmed confirmed:
                Confirmed(logger, confirmed.After);
                break;
            case NodeUnconfirmed unconfirmed:
                Unconfirmed(logger, unconfirmed.RenewedBefore, new NodeNames(unconfirmed.SilentPeers));
                break;
            case EvictionBegun begun:
                Evicting(logger, begun.Node);
                break;
            case EvictionDone done:
                Evicted(logger, done.Node, done.HadVotes);
                break;
            case EvictionRefused refused:
                EvictionRefused(logger, refused.Node, refused.Reason);
                break;
            case EvictionAbandoned abandoned:
                EvictionAbandoned(logger, abandoned.Node);
                break;
            case DataChanged changed:
                DataChanged(logger, changed.Data.Server, changed.Data.Timeline, changed.Before?.Server, changed.Before?.Timeline);
                break;
            default:
                Other(logger, happened);
                break;
        }
    }

    [LoggerMessage(
        EventId = 83,
        Level = LogLevel.Error,
        Message = "The node has not left the cluster in time: it waits for {Wait}, and {Shards} shards are open here. The others take them "
            + "over once they have noticed that the process is gone")]
    public static partial void NotLeft(ILogger logger, LeaveWait? wait, int shards);

    [LoggerMessage(EventId = 84, Level = LogLevel.Critical, Message = "The loop of the node has failed; stopping")]
    public static partial void Faulted(ILogger logger, Exception exception);

    [LoggerMessage(EventId = 85, Level = LogLevel.Warning, Message = "Not ready: {Problem}")]
    public static partial void ClockIsWrong(ILogger logger, string problem);

    [LoggerMessage(EventId = 86, Level = LogLevel.Information, Message = "The clock is right again")]
    public static partial void ClockIsRight(ILogger logger);

    [LoggerMessage(EventId = 87, Level = LogLevel.Critical, Message = "The connection to the other nodes has ended: {Reason}; stopping")]
    public static partial void Disconnected(ILogger logger, Exception? exception, string reason);

    [LoggerMessage(EventId = 70, Level = LogLevel.Information, Message = "Joined the cluster")]
    private static partial void Joined(ILogger logger);

    [LoggerMessage(EventId = 71, Level = LogLevel.Information, Message = "Ready after {After}")]
    private static partial void Ready(ILogger logger, TimeSpan after);

    [LoggerMessage(EventId = 88, Level = LogLevel.Information, Message = "Not ready any more ({Reason}), after {After}")]
    private static partial void NotReady(ILogger logger, NotReadyReason reason, TimeSpan after);

    [LoggerMessage(EventId = 72, Level = LogLevel.Information, Message = "Leaving the cluster: giving {Shards} shards to others")]
    private static partial void Leaving(ILogger logger, int shards);

    [LoggerMessage(EventId = 73, Message = "The node has ended ({Reason}): {Detail}")]
    private static partial void Ended(ILogger logger, LogLevel level, NodeEndReason reason, string detail);

    [LoggerMessage(
        EventId = 74, Level = LogLevel.Information, Message = "Opened {Opened} shards and closed {Closed}; {Open} are open here")]
    private static partial void Moved(ILogger logger, int opened, int closed, int open);

    [LoggerMessage(EventId = 75, Level = LogLevel.Information, Message = "Confirmed after {After}: heartbeats are answered")]
    private static partial void Confirmed(ILogger logger, TimeSpan after);

    [LoggerMessage(
        EventId = 76,
        Level = LogLevel.Warning,
        Message = "Not confirmed any more: heartbeats are rejected. The store has renewed the lease {RenewedBefore} ago; nodes that do not "
            + "answer: {Silent}")]
    private static partial void Unconfirmed(ILogger logger, TimeSpan? renewedBefore, NodeNames silent);

    [LoggerMessage(EventId = 77, Level = LogLevel.Information, Message = "Node {Node} is not alive; evicting it")]
    private static partial void Evicting(ILogger logger, NodeId node);

    [LoggerMessage(EventId = 78, Level = LogLevel.Information, Message = "Evicted node {Node}; with votes of others: {HadVotes}")]
    private static partial void Evicted(ILogger logger, NodeId node, bool hadVotes);

    [LoggerMessage(EventId = 79, Level = LogLevel.Information, Message = "Node {Node} was not evicted ({Reason}); trying again")]
    private static partial void EvictionRefused(ILogger logger, NodeId node, EvictionRefusal reason);

    [LoggerMessage(EventId = 80, Level = LogLevel.Information, Message = "No longer evicting node {Node}")]
    private static partial void EvictionAbandoned(ILogger logger, NodeId node);

    [LoggerMessage(
        EventId = 81,
        Level = LogLevel.Information,
        Message = "The store holds the data of server {Server}, timeline {Timeline}; before: server {FormerServer}, timeline "
            + "{FormerTimeline}")]
    private static partial void DataChanged(ILogger logger, string? server, long timeline, string? formerServer, long? formerTimeline);

    [LoggerMessage(EventId = 82, Level = LogLevel.Information, Message = "{Event}")]
    private static partial void Other(ILogger logger, NodeEvent @event);

    /// <summary>Nodes, as text only where they are logged.</summary>
    private readonly record struct NodeNames(ImmutableArray<NodeId> Nodes)
    {
        public override string ToString() => string.Join(", ", Nodes);
    }
}
