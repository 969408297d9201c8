namespace GrpcPresence.Core.Cluster.Membership;

/// <summary>
/// The raw monotonic clock of this node: the time since its creation. Unlike the clock of leases it also counts pauses of the process,
/// because the other nodes go on meanwhile. Safe from any thread.
/// </summary>
public sealed class NodeClock(TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();

    /// <summary>The time.</summary>
    public TimeSpan Now => time.GetElapsedTime(_start);

    /// <summary>The wall clock, which may be set forward or back. Nothing that one node must not do before another depends on it.</summary>
    public DateTimeOffset UtcNow => time.GetUtcNow();
}
