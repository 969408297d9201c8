namespace GrpcPresence.Core.Domain.Cluster;

/// <summary>A heartbeat stream, as all nodes of a cluster name it.</summary>
/// <param name="Ingress">The node to which the client opened the stream.</param>
/// <param name="Number">Greater for each stream that a client opened to that node later.</param>
public readonly record struct StreamId(NodeId Ingress, long Number);
