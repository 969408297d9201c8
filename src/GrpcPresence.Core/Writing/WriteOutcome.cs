namespace GrpcPresence.Core.Writing;

/// <summary>The outcome of one round of the writer.</summary>
public enum WriteOutcome
{
    /// <summary>No command was queued and no row is left to purge.</summary>
    Idle,

    /// <summary>Something was written; there may be more.</summary>
    Written,

    /// <summary>The store failed; try again after a pause.</summary>
    Failed,

    /// <summary>This node was evicted. The queue is closed and empty, and nothing is written any more.</summary>
    Evicted,
}
