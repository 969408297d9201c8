using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>
/// Closes the open shards of a node that leaves when no node is left to take them. Used only by the loop of the node.
/// </summary>
/// <remarks>
/// <list type="number">
/// <item>Seal every shard, so that this node takes no call for their users.</item>
/// <item>Settle: what was decided before is committed, and what the tracker has queued is written. After the node has left, the store
/// would refuse it.</item>
/// </list>
/// </remarks>
internal sealed class FinalClose(TrackedShards shards, ShardGates gates, CommandQueue queue)
{
    private readonly List<SealedShard> _seals = [];
    private int _settled; // so many of the seals, from the first on
    private int _next; // the number of the next shard to seal
    private Task? _barrier;

    /// <summary>Whether the node has begun to close its shards.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Whether shards are left to seal, so that a step should follow at once.</summary>
    public bool HasMore => _next < Shard.Count;

    /// <summary>Begins. From now on, no shard is opened or handed over.</summary>
    public void Begin() => HasBegun = true;

    /// <summary>Does what is due. Returns whether all shards are closed for calls, and nothing of them is left to write.</summary>
    public bool Advance()
    {
        for (var (count, users) = (0, 0); HasMore; _next++)
        {
            if (count >= Limits.ShardsPerStep || users >= Limits.UsersPerStep)
                return false;
            if (shards.TrySeal(new Shard(_next)) is not { } seal)
                continue;
            _seals.Add(seal);
            (count, users) = (count + 1, users + seal.UserCount);
        }
        _barrier ??= queue.SubmitAsync(new Barrier());
        if (!_barrier.IsCompleted)
            return false;
        if (!_barrier.IsCompletedSuccessfully)
        {
            _barrier = null; // the store has failed
            return false;
        }
        // The writer closes the gate of a shard that this node has lost, and drops what is queued.
        while (_settled < _seals.Count && (gates[_seals[_settled].Shard].State != ShardGateState.Sealed || _seals[_settled].IsSettled()))
            _settled++;
        return _settled == _seals.Count;
    }

    /// <summary>
    /// The store has lost commits. What was written may have to be written again, so nothing counts as settled. Call <see cref="Advance"/>
    /// again only when the stored presence was compared.
    /// </summary>
    public void ResetForNewData() => (_settled, _barrier) = (0, null);
}
