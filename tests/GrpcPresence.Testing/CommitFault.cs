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

    /// <summary>It reports failure and is on its way. It happens when it lands, unless something prevents that.</summary>
    Late,

    /// <summary>As <see cref="Late"/>, and it holds the rows of its service instances until then.</summary>
    LateWithRows,
}
