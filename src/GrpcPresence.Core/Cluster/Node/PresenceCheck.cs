using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Compares the users of the shards that this node holds with the store, after commits may have been lost. Each user that differs is stored
/// again. Used only by the loop of the node.
/// </summary>
/// <param name="parts">The parts of the node.</param>
/// <param name="calls">Creates the call of the store.</param>
internal sealed class PresenceCheck(NodeParts parts, StoreCalls calls)
{
    private readonly ShardRecovery _recovery = new(parts.Services);
    private readonly StoreCall<bool, bool> _call = calls.Create<bool, bool>(StoreCallKind.Check);
    private bool _isDue;

    /// <summary>Whether the comparison is not complete. A shard that moved meanwhile would be compared by nobody.</summary>
    public bool IsBusy => _isDue || _call.IsBusy;

    /// <summary>Makes the next step compare everything, also what is being compared.</summary>
    public void Require() => _isDue = true;

    /// <summary>Does what is due.</summary>
    public void Step()
    {
        if (_call.TryTake(out _, out _, out var error) && error is not null)
            _isDue = true;
        if (!_isDue || !_call.MayBegin)
            return;
        _isDue = false;
        _call.Begin(true, CheckAsync());
    }

    private async ValueTask<bool> CheckAsync()
    {
        for (var number = 0; number < Shard.Count; number++)
        {
            var shard = new Shard(number);
            if (!parts.Gates[shard].IsHeld)
                continue;
            await _recovery.CheckAsync(
                parts.Tracker.Shards!.Check(shard),
                (after, limit, stop) => parts.Store.ListOnlineUsersAsync(shard, after, limit, stop),
                CancellationToken.None).ConfigureAwait(false);
        }
        return true;
    }
}
