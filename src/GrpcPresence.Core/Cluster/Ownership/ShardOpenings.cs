using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>
/// Brings the shards that this node gets into the tracker: keeps what their last holders hand over, and decides whether a shard can be
/// loaded now, and from what: the hand-over, the store, or both. <see cref="ShardOwnership"/> says which shards to load and to close, calls
/// it in each step, and passes on what holders say. Used only by the loop of the node.
/// </summary>
/// <param name="self">This node.</param>
/// <param name="reconciliation">Is asked to look again at shards that are not loaded, and at those that were opened.</param>
/// <param name="table">The holders of the shards.</param>
/// <param name="shards">The shards in the tracker.</param>
/// <param name="loader">Loads shards.</param>
/// <param name="send">Sends an item to another node.</param>
internal sealed class ShardOpenings(
    NodeId self, ShardReconciliation reconciliation, ShardTable table, TrackedShards shards, ShardLoader loader, SendItem send)
{
    private readonly IncomingHandOvers _incoming = new();
    private readonly ShardLoads _loads = new(loader);
    private readonly Dictionary<Shard, HandOverDone> _done = []; // what the last holder said after the switch
    private readonly bool[] _tracked = new bool[Shard.Count]; // those that the tracker may have users of

    /// <summary>What is handed over to this node.</summary>
    public IncomingHandOvers Incoming => _incoming;

    /// <summary>What the last holders have said after their switches.</summary>
    public IReadOnlyDictionary<Shard, HandOverDone> Done => _done;

    /// <summary>The loads.</summary>
    public ShardLoads Loads => _loads;

    /// <summary>Takes what the holder of a shard says.</summary>
    public void Receive(NodeId from, HandOverItem item, TimeSpan now)
    {
        switch (item)
        {
            case HandOverDone done:
                if (done.Holder.Data != table[done.Shard].Data)
                    break; // the poll shows who has the shard in the data that this node knows
                _done[done.Shard] = done;
                table.Update(done.Shard, done.Holder);
                break;
            case HandOverBegin begin when begin.Holder.Data != table[begin.Shard].Data:
                break; // the holder begins again when both know the same data
            default:
                if (_incoming.Receive(from, item) is { } answer)
                    send(from, answer, now + Limits.ForwardedCall);
                break;
        }
    }

    /// <summary>
    /// Begins to load a shard that this node holds and that is closed. If that is not possible yet, a later pass looks at the shard again.
    /// </summary>
    /// <param name="shard">The shard.</param>
    /// <param name="epoch">The epoch under which this node holds it.</param>
    /// <param name="view">The nodes that have joined and are alive.</param>
    /// <param name="mayTakeOver">Whether no node answers any more by earlier data.</param>
    /// <param name="now">The time of the clock of this node.</param>
    public void Load(Shard shard, long epoch, ClusterView view, bool mayTakeOver, TimeSpan now)
    {
        if (_loads.Contains(shard))
            return;
        var done = _done.GetValueOrDefault(shard);
        var isHandedOver = done?.Holder.Epoch == epoch;
        if (!isHandedOver && _incoming.IsComplete(shard, view, now))
        {
            // The last holder may just have switched. What it says next tells whether this hand-over is the one that counts.
            reconciliation.MarkDirty(shard);
            return;
        }
        isHandedOver = isHandedOver && _incoming.Find(shard) is { IsComplete: true } complete && complete.Begin.Id == done!.Id;
        if (!isHandedOver && (!mayTakeOver || !_loads.MayBegin(isHandedOver: false, now)))
        {
            reconciliation.ToLoad.Set(shard, isIn: true); // a look at all that wait, in each step, would cost more than the step
            return;
        }
        if (!_loads.MayBegin(isHandedOver, now))
        {
            reconciliation.MarkDirty(shard);
            return;
        }
        // It is kept until the shard is open: the load may fail, because the store is away, and begin again.
        var incoming = _incoming.Find(shard);
        foreach (var close in incoming?.Closes ?? [])
            shards.CloseStream(close.Stream, close.EndsSessions, now + Limits.StreamCloseMemory);
        _tracked[shard.Number] = true;
        _loads.Begin(shard, epoch, incoming, isHandedOver);
    }

    /// <summary>Opens shards that are loaded, up to the limits of a step.</summary>
    public void OpenLoaded(TimeSpan now) => _loads.Step(now, OpenLoaded);

    /// <summary>Closes a shard: cancels its load, and forgets its users. What was handed over stays.</summary>
    public void Close(Shard shard)
    {
        CloseUsers(shard);
        _loads.Remove(shard);
    }

    /// <summary>Forgets the users of a shard.</summary>
    public void CloseUsers(Shard shard)
    {
        if (_tracked[shard.Number])
            shards.Close(shard);
        _tracked[shard.Number] = false;
    }

    /// <summary>Cancels all loads.</summary>
    public void StopLoads()
    {
        foreach (var shard in _loads.Shards)
            CloseUsers(shard);
        _loads.Clear();
    }

    /// <summary>Forgets what was handed over and said, because the data is other data by now.</summary>
    public void ForgetHandOvers()
    {
        _incoming.Clear();
        _done.Clear();
    }

    private int OpenLoaded(Shard shard, ShardLoad? load, long epoch)
    {
        reconciliation.MarkDirty(shard);
        if (load is not null && table[shard] is var holder && holder.Node == self && holder.Epoch == epoch)
        {
            _incoming.Forget(shard);
            _done.Remove(shard);
            return load.Open(epoch);
        }
        Close(shard); // the next step loads again, if this node still holds the shard
        return 0;
    }
}
