using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Membership;

/// <summary>Says which nodes are alive. Safe from any thread.</summary>
public interface IClusterView
{
    /// <summary>This node.</summary>
    NodeId Self { get; }

    /// <summary>
    /// The newest view that this node has seen; never an earlier one than before. Returns at once and calls nothing, because callers read
    /// it under their locks.
    /// </summary>
    ClusterView Current { get; }
}
