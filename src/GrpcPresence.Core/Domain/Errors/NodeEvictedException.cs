namespace GrpcPresence.Core.Domain.Errors;

/// <summary>
/// This run of the node may not write any more: it has left the cluster, or other nodes have evicted it. Trying again does not help. The
/// node must end.
/// </summary>
public sealed class NodeEvictedException(string message, Exception? inner = null) : StorageException(message, inner);
