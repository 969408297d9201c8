using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Webhooks;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>What a node of a cluster consists of besides <see cref="ClusterNode"/>.</summary>
public sealed record NodeParts
{
    /// <summary>Says which nodes are alive.</summary>
    public required IClusterView View { get; init; }

    /// <summary>Sends messages to other nodes.</summary>
    public required INodeChannel Channel { get; init; }

    /// <summary>The store, which the node has not joined yet.</summary>
    public required IClusterStore Store { get; init; }

    /// <summary>The clock of the node.</summary>
    public required NodeClock Clock { get; init; }

    /// <summary>Whether the node may answer. Created with <see cref="View"/> and <see cref="Channel"/>.</summary>
    public required ConfirmationProtocol Confirmation { get; init; }

    /// <summary>What this node holds: the gates of the writer and of the tracker. All are closed.</summary>
    public required ShardGates Gates { get; init; }

    /// <summary>The sessions of the shards that the node holds.</summary>
    public required PresenceTracker Tracker { get; init; }

    /// <summary>The commands of this node.</summary>
    public required CommandQueue Queue { get; init; }

    /// <summary>The cache of service instances.</summary>
    public required ServiceCache Services { get; init; }

    /// <summary>The cache of API keys.</summary>
    public required ApiKeyCache Keys { get; init; }

    /// <summary>The watches of this node.</summary>
    public required WatchHub Hub { get; init; }

    /// <summary>One of the publishers of the writer.</summary>
    public required CommitHints Hints { get; init; }

    /// <summary>The quotas that all nodes share.</summary>
    public required SharedQuotas Quotas { get; init; }

    /// <summary>
    /// Delivers webhooks; null if this node delivers none. One of the publishers of the writer. Its creator starts and stops
    /// it.
    /// </summary>
    public WebhookDispatcher? Webhooks { get; init; }

    /// <summary>Says when the store has evicted the node.</summary>
    public required StorageStatus Status { get; init; }

    /// <summary>Runs the calls that Core does not know.</summary>
    public required ICallExecutor Executor { get; init; }
}
