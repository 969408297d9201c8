namespace GrpcPresence.Testing;

/// <summary>How a commit reports failure.</summary>
public enum CommitFault
{
    /// <summary>It does not.</summary>
    None,

    /// <summary>It did not happen.</summary>
    BeforeEffect,

    /// <summary>It happened all the same.</summary>
    AfterEffect,
}
