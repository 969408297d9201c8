namespace GrpcPresence.Core.Writing;

/// <summary>What one round of the writer did.</summary>
public enum WriteOutcome
{
    /// <summary>Nothing was queued and nothing is left to purge.</summary>
    Idle,

    /// <summary>Something was written; there may be more.</summary>
    Written,

    /// <summary>The store failed; try again after a pause.</summary>
    Failed,
}
