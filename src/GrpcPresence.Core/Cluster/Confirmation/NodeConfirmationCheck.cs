using GrpcPresence.Core.Cluster.Membership;

namespace GrpcPresence.Core.Cluster.Confirmation;

/// <summary>Says whether a node may answer now. Safe from any thread.</summary>
/// <param name="confirmation">The confirmation of the node.</param>
/// <param name="clock">The clock of the node.</param>
public sealed class NodeConfirmationCheck(ConfirmationProtocol confirmation, NodeClock clock)
{
    /// <summary>Returns whether the node is confirmed now.</summary>
    public Func<bool> IsConfirmed { get; } = () => confirmation.IsConfirmed(clock.Now);
}
