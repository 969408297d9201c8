namespace GrpcPresence.Core.Cluster.Channel;

/// <summary>A message from node to node. Immutable. Each folder that sends messages declares its own.</summary>
public abstract record NodeMessage;
