namespace GrpcPresence.Core.Tests.Simulation;

/// <summary>The sizes of what a watch holds, reads and sends.</summary>
internal enum SimulatedSizes
{
    /// <summary>Those of a server, which the few users of a history never exceed.</summary>
    Usual,

    /// <summary>
    /// A page and a message hold one user. No batch is lost: while a watch catches up, a gap does not show whether a user was delivered
    /// before, so that the watch may repeat reasons.
    /// </summary>
    SmallPages,

    /// <summary>A page and a message hold one user, and two users may be pending. A watch may repeat reasons.</summary>
    SmallQueues,
}
