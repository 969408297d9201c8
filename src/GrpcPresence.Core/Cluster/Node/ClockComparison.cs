using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Compares the wall clock of this node with the store's. No lease needs a wall clock, but access tokens do: a node whose clock is wrong
/// would accept expired ones, or reject valid ones. The loop of the node compares. The properties are safe from any thread.
/// </summary>
internal sealed class ClockComparison(NodeClock clock)
{
    private long _ahead; // in ticks

    /// <summary>
    /// How far the clock of this node is ahead of the store's at least; negative if it is behind. Zero before the first comparison, and
    /// where the difference is less than the answer of the store took.
    /// </summary>
    public TimeSpan Ahead => new(Volatile.Read(ref _ahead));

    /// <summary>Whether the difference is at most <see cref="Limits.ClockDifference"/>.</summary>
    public bool IsTolerable => Ahead.Duration() <= Limits.ClockDifference;

    /// <summary>Says what is wrong; null if the difference is tolerable.</summary>
    public string? Problem
    {
        get
        {
            var (ahead, limit) = (Ahead, Limits.ClockDifference);
            if (ahead.Duration() <= limit)
                return null;
            var direction = ahead > TimeSpan.Zero ? "ahead of" : "behind";
            return FormattableString.Invariant($"The clock of this node is {ahead.Duration().TotalSeconds:F1} s {direction} the store's. ")
                + FormattableString.Invariant($"The limit is {limit.TotalSeconds} s. Synchronize the clocks of both machines.");
        }
    }

    /// <summary>The store has read its clock between <paramref name="sentAt"/>, on the wall clock of this node, and now.</summary>
    public void Note(DateTimeOffset sentAt, DateTimeOffset storeTime)
    {
        var ahead = sentAt > storeTime ? sentAt - storeTime
            : clock.UtcNow < storeTime ? clock.UtcNow - storeTime
            : TimeSpan.Zero;
        Volatile.Write(ref _ahead, ahead.Ticks);
    }
}
