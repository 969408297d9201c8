using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Presence;

/// <summary>Opens a shard whose leases stood still.</summary>
internal static class ShardOpening
{
    /// <summary>The most walks over the users. A second one is needed only after a pause in the first.</summary>
    private const int MaxWalks = 3;

    /// <summary>
    /// Continues the leases, opens the gate, and then compares the users with the present configurations. Returns false if the gate is not
    /// the expected one when it is to open: the writer has found that the shard is lost.
    /// </summary>
    public static bool Run(
        Shard shard,
        ShardGate expected,
        long epoch,
        TrackerPart part,
        ShardStates states,
        LeaseClock clock,
        List<TrackedUser> users,
        long stoodSince)
    {
        // Under one hold of the lock for some of the users: nobody else changes them before the gate opens. If the process was paused
        // meanwhile, the leases would be too short by as much.
        for (var walk = 0; walk < MaxWalks; walk++)
        {
            var (since, now) = (stoodSince, clock.Now);
            if (walk > 0 && now - since < Limits.Tick.Ticks)
                break;
            ShardUsers.ForEach(part, users, user => user.Resume(now - since, since, now + Limits.LeaseAfterMove.Ticks));
            stoodSince = now;
        }
        if (!states.Gates.TryChange(shard, expected, new ShardGate(ShardGateState.Open, epoch)))
            return false;
        ShardUsers.ForEach(part, users, static user => user.Reconsider());
        return true;
    }
}
