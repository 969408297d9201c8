namespace GrpcPresence.Core.Cluster.Node;

/// <summary>A call of the store that waits for its answer, or that fails.</summary>
/// <param name="Kind">Which call it is.</param>
/// <param name="WaitingFor">How long it has been waiting; null if it is not in progress.</param>
/// <param name="FailuresInRow">How often it has failed since it last succeeded.</param>
/// <param name="Error">The type of the last failure, without its message; null if it has not failed.</param>
public readonly record struct StoreCallStatus(StoreCallKind Kind, TimeSpan? WaitingFor, int FailuresInRow, string? Error);

/// <summary>A call that a node makes to the store of the cluster, besides the commits of its writer.</summary>
public enum StoreCallKind
{
    /// <summary>Adds this run to the active nodes.</summary>
    Join,

    /// <summary>Renews the lease of this node. One without an answer is replaced after a second.</summary>
    Renewal,

    /// <summary>Asks what has changed.</summary>
    Poll,

    /// <summary>Evicts a node.</summary>
    Eviction,

    /// <summary>Claims shards without a holder.</summary>
    Claim,

    /// <summary>Reads the users of shards. Several such calls are in progress at the same time.</summary>
    Load,

    /// <summary>Reads API keys and webhook settings again and, after lost commits, the stored presence of the open shards.</summary>
    Reload,

    /// <summary>Compares the users of the shards with the store, after commits may have been lost.</summary>
    Check,

    /// <summary>Marks this run as left.</summary>
    Leave,
}
