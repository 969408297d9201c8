namespace GrpcPresence.Testing;

/// <summary>How a commit fails.</summary>
public enum CommitFault
{
    /// <summary>It succeeds.</summary>
    None,

    /// <summary>It reports failure and did not happen.</summary>
    BeforeEffect,

    /// <summary>It reports failure but happened.</summary>
    AfterEffect,
}
