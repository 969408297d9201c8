using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>
/// Makes this node hold the shards that it should: loads, opens, hands over and closes them, and says which to claim. The loop of the node
/// calls it, in each step and for each item of a hand-over. <see cref="ShardReconciliation"/> decides what is to be done with a shard,
/// <see cref="ShardOpenings"/> loads and opens, <see cref="OutgoingHandOvers"/> gives away, and this class puts what they do in its order.
/// </summary>
/// <remarks>
/// Everything follows from three things: the holder of a shard as the store shows it (<see cref="ShardTable"/>), the node that should hold
/// it (<see cref="ShardTargets"/>), and what this node does with it (<see cref="ShardGates"/>).
/// <list type="bullet">
/// <item>No holder, and this node is the target: claim it.</item>
/// <item>This node is the holder, and the gate is closed: load and open it.</item>
/// <item>This node is the holder, the gate is open, and another node is the target: hand it over.</item>
/// <item>Another node is the holder, and the shard is tracked here: close it.</item>
/// </list>
/// </remarks>
/// <param name="self">This node.</param>
/// <param name="table">The holders of the shards.</param>
/// <param name="gates">What this node holds.</param>
/// <param name="reconciliation">Decides.</param>
/// <param name="openings">Loads and opens.</param>
/// <param name="outgoing">Gives away.</param>
/// <param name="final">Closes the shards of a node that leaves alone.</param>
internal sealed class ShardOwnership(
    NodeId self,
    ShardTable table,
    ShardGates gates,
    ShardReconciliation reconciliation,
    ShardOpenings openings,
    OutgoingHandOvers outgoing,
    FinalClose final)
{
    private bool _closesMore; // the last step has closed so many shards that the next one must go on

    /// <summary>Whether every shard of which this node is the target is open here, so that it may get calls.</summary>
    public bool IsReady => reconciliation.IsReady;

    /// <summary>Whether this node holds no shard.</summary>
    public bool IsEmpty => reconciliation.IsEmpty;

    /// <summary>
    /// Whether the last step has left something to the next one, because one step does only so much. The next step should follow at once.
    /// </summary>
    public bool HasMore => openings.Loads.HasMore || _closesMore;

    /// <summary>The shards that this node should claim, as the last <see cref="Tick"/> has seen it.</summary>
    public IReadOnlyList<Shard> ToClaim => reconciliation.ToClaim;

    /// <summary>The shards that other nodes hold since the last <see cref="Tick"/>, because this node has handed them over.</summary>
    public IReadOnlyList<ShardHolder> Switched => outgoing.Switched;

    /// <summary>Whether <see cref="TryCloseAll"/> was called.</summary>
    public bool IsClosingAll => final.HasBegun;

    /// <summary>Takes an item of a hand-over.</summary>
    public void Receive(NodeId from, HandOverItem item, TimeSpan now)
    {
        reconciliation.MarkDirty(item.Shard);
        if (item is HandOverAccepted or HandOverReceived)
            outgoing.Receive(from, item, now);
        else
            openings.Receive(from, item, now);
    }

    /// <summary>A stream was closed. What is being handed over to this node may be older.</summary>
    public void Note(CloseStreamItem close) => openings.Incoming.Note(close);

    /// <summary>Does what is due, and notes what should be claimed.</summary>
    /// <param name="view">The newest view.</param>
    /// <param name="excluded">The nodes that should hold no shard; a greater version for each change of the set.</param>
    /// <param name="may">
    /// Move: whether the store answers, so that a switch would not wait for it. TakeOver: whether no node answers any more by earlier data.
    /// </param>
    /// <param name="now">The time of the clock of this node.</param>
    public void Tick(
        ClusterView view, (IReadOnlySet<NodeId> Nodes, int Version) excluded, (bool Move, bool TakeOver) may, TimeSpan now)
    {
        outgoing.Advance(view, now, Close);
        openings.OpenLoaded(now);
        _closesMore = false;
        var mayBegin = may.Move && !final.HasBegun && outgoing.MayBegin(now);
        var mayLoad = !reconciliation.ToLoad.IsEmpty && may.TakeOver && openings.Loads.MayBegin(isHandedOver: false, now);
        if (!reconciliation.IsDue(view, excluded.Version) && !mayLoad && (!mayBegin || reconciliation.ToMove.IsEmpty))
            return;
        openings.Loads.RenewUptime();
        foreach (var shard in reconciliation.BeginPass(view, excluded))
            Reconcile(shard, view, may.TakeOver, now);
        reconciliation.EndPass();
        if (mayLoad)
            LoadWaiting(view, now);
        if (mayBegin && !reconciliation.ToMove.IsEmpty)
            outgoing.Begin(now);
    }

    /// <summary>
    /// The table is of other data than before: forgets what was of the data of before, and closes each shard that this node does not hold
    /// in that of the table under the same epoch. A shard that stays open was this node's all the time. From now on the gates are of the
    /// data of the table.
    /// </summary>
    /// <param name="data">The data of the table.</param>
    /// <param name="mayHaveLost">
    /// Whether another node may have taken shards of this one in the data of before. Then all of them close.
    /// </param>
    public void ResetForNewData(DataIdentity data, bool mayHaveLost)
    {
        outgoing.ResetForNewData();
        foreach (var shard in outgoing.InProgress.Keys)
            openings.CloseUsers(shard);
        openings.StopLoads();
        final.ResetForNewData();
        openings.ForgetHandOvers();
        var kept = mayHaveLost ? new ShardBits() : reconciliation.FindKept();
        gates.SetData(data, kept);
        for (var number = 0; number < Shard.Count; number++)
        {
            if (!kept.Has(new Shard(number)))
                openings.CloseUsers(new Shard(number));
        }
        reconciliation.ResetForNewData();
    }

    /// <summary>
    /// Closes every shard for calls, because the node leaves and no node is left to take them. To be called in each step. Returns whether
    /// nothing of them is left to write, so that the node may leave. After the first call, no shard opens any more.
    /// </summary>
    public bool TryCloseAll()
    {
        if (!final.HasBegun)
        {
            final.Begin();
            openings.StopLoads();
        }
        if (outgoing.InProgress.Count > 0) // it ends soon: the receiver has got the shard, or this node has it again
            return false;
        var isOver = final.Advance();
        _closesMore = final.HasMore;
        return isOver;
    }

    /// <summary>Returns why shards are not open here, and what moves.</summary>
    /// <param name="view">The nodes that have joined and are alive.</param>
    /// <param name="mayTakeOver">Whether no node answers any more by earlier data.</param>
    /// <param name="now">The time of the clock of this node.</param>
    public ShardReport Report(ClusterView view, bool mayTakeOver, TimeSpan now) => new ShardReporter
    {
        Self = self,
        Table = table,
        Gates = gates,
        Targets = reconciliation.Targets,
        View = view,
        Held = reconciliation.Held,
        Incoming = openings.Incoming,
        Outgoing = outgoing.InProgress,
        Done = openings.Done,
        Now = now,
        Loads = openings.Loads,
        LostEpochs = reconciliation.LostEpochs,
        IsClosing = final.HasBegun,
        MayTakeOver = mayTakeOver,
    }.Report();

    /// <summary>Closes every shard, because this node holds none any more.</summary>
    public void CloseAll()
    {
        for (var number = 0; number < Shard.Count; number++)
            Close(new Shard(number));
        outgoing.Clear();
    }

    /// <summary>Looks at shards that wait for their load, as long as loads may begin.</summary>
    private void LoadWaiting(ClusterView view, TimeSpan now)
    {
        for (var word = 0; word < ShardBits.Words; word++)
        {
            for (var bits = reconciliation.ToLoad.Word(word); bits != 0; bits &= bits - 1)
            {
                if (!openings.Loads.MayBegin(isHandedOver: false, now))
                    return;
                Reconcile(ShardBits.ShardOf(word, bits), view, mayTakeOver: true, now);
            }
        }
    }

    private void Reconcile(Shard shard, ClusterView view, bool mayTakeOver, TimeSpan now)
    {
        switch (reconciliation.Decide(shard, out var holder))
        {
            case ShardAction.Release:
                if (!outgoing.Contains(shard)) // it learns by itself that the receiver has the shard, and tells it
                    Release(shard);
                openings.Incoming.Forget(shard, holder);
                break;
            case ShardAction.Load when !outgoing.Contains(shard) && !final.HasBegun:
                openings.Load(shard, holder.Epoch, view, mayTakeOver, now);
                break;
            case ShardAction.Close:
                Close(shard);
                break;
        }
    }

    private void Close(Shard shard)
    {
        reconciliation.MarkDirty(shard);
        Release(shard);
    }

    private void Release(Shard shard)
    {
        openings.Close(shard);
        outgoing.Remove(shard);
    }
}
