using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>
/// Decides which shards this node begins to hand over, and to which node: a few at once, to one receiver after the other. Brings each of
/// them to its end: the receiver holds the shard, or this node does again. <see cref="ShardOwnership"/> calls it in each step, and for what
/// receivers say. Used only by the loop of the node.
/// </summary>
/// <param name="reconciliation">Knows which shards should move.</param>
/// <param name="table">The holders of the shards.</param>
/// <param name="gates">What this node holds.</param>
/// <param name="shards">The shards in the tracker.</param>
/// <param name="queue">Takes the switches.</param>
/// <param name="send">Sends an item to another node.</param>
/// <param name="isDrained">
/// Begins to stop what only the holder of an open shard does besides calls, and returns whether that has stopped. Asked until the shard is
/// sealed, so that a slow stop delays no call.
/// </param>
internal sealed class OutgoingHandOvers(
    ShardReconciliation reconciliation,
    ShardTable table,
    ShardGates gates,
    TrackedShards shards,
    CommandQueue queue,
    SendItem send,
    Func<Shard, bool> isDrained)
{
    private readonly Dictionary<Shard, OutgoingHandOver> _outgoing = [];
    private readonly Dictionary<NodeId, TimeSpan> _pausedUntil = []; // before, no hand-over to the receiver begins
    private readonly List<ShardHolder> _switched = [];
    private TimeSpan _allPausedUntil; // before, no hand-over begins
    private long _lastHandOver;

    /// <summary>The hand-overs in progress.</summary>
    public IReadOnlyDictionary<Shard, OutgoingHandOver> InProgress => _outgoing;

    /// <summary>The shards that other nodes hold since the last <see cref="Advance"/>, because this node has handed them over.</summary>
    public IReadOnlyList<ShardHolder> Switched => _switched;

    /// <summary>Whether the shard is being handed over.</summary>
    public bool Contains(Shard shard) => _outgoing.ContainsKey(shard);

    /// <summary>Whether another hand-over may begin.</summary>
    public bool MayBegin(TimeSpan now) => now >= _allPausedUntil && _outgoing.Count < Limits.HandOversAtOnce;

    /// <summary>Takes what a receiver says.</summary>
    public void Receive(NodeId from, HandOverItem item, TimeSpan now)
    {
        if (_outgoing.TryGetValue(item.Shard, out var outgoing))
            outgoing.Receive(from, item, now);
    }

    /// <summary>
    /// Begins to hand over the shards of one receiver, so that a deployment of many nodes moves few shards at once. A receiver that a
    /// hand-over has failed to waits, and keeps no other one waiting.
    /// </summary>
    public void Begin(TimeSpan now)
    {
        foreach (var (node, until) in _pausedUntil)
        {
            if (now >= until)
                _pausedUntil.Remove(node);
        }
        NodeId? receiver = null;
        List<Shard> toMove = [];
        for (var word = 0; word < ShardBits.Words; word++)
        {
            for (var bits = reconciliation.ToMove.Word(word); bits != 0; bits &= bits - 1)
            {
                var shard = ShardBits.ShardOf(word, bits);
                // The writer closes the gate of a shard that this node has lost.
                if (reconciliation.Targets[shard] is not { } other || !gates.IsOpen(shard) || _pausedUntil.ContainsKey(other))
                    continue;
                if (receiver is null || string.CompareOrdinal(other.Name, receiver.Value.Name) < 0)
                {
                    receiver = other;
                    toMove.Clear();
                }
                if (other == receiver)
                    toMove.Add(shard);
            }
        }
        var draining = 0;
        foreach (var shard in toMove)
        {
            if (_outgoing.Count + draining >= Limits.HandOversAtOnce)
                return;
            if (!isDrained(shard))
            {
                draining++;
                continue;
            }
            reconciliation.ToMove.Set(shard, isIn: false);
            if (shards.TrySeal(shard) is not { } seal)
            {
                reconciliation.MarkDirty(shard); // the writer has found meanwhile that it is lost
                continue;
            }
            _outgoing[shard] = new OutgoingHandOver(seal, ++_lastHandOver, table[shard], receiver!.Value, queue, send, now);
        }
    }

    /// <summary>Does what is due.</summary>
    /// <param name="view">The nodes that have joined and are alive.</param>
    /// <param name="now">The time of the clock of this node.</param>
    /// <param name="close">Closes a shard that this node does not hold any more.</param>
    public void Advance(ClusterView view, TimeSpan now, Action<Shard> close)
    {
        _switched.Clear();
        foreach (var (shard, outgoing) in _outgoing)
        {
            switch (outgoing.Advance(now, view.Contains(outgoing.To), out var epoch))
            {
                case HandOverState.Switched:
                    _outgoing.Remove(shard);
                    var receiver = new KnownHolder(outgoing.To, epoch, outgoing.Holder.Data);
                    table.Update(shard, receiver);
                    if (outgoing.Holder.Data == table[shard].Data) // the commit may be lost by now, and the shard be here under this epoch
                    {
                        reconciliation.NoteLost(shard, outgoing.Holder.Epoch);
                        _switched.Add(new ShardHolder(shard, receiver.Node, epoch));
                    }
                    close(shard);
                    outgoing.SendDone(receiver, now);
                    break;
                case HandOverState.GivenUp:
                    _outgoing.Remove(shard);
                    reconciliation.MarkDirty(shard); // it begins again, also if it was the last one
                    if (outgoing.HasSettled || !view.Contains(outgoing.To))
                        _pausedUntil[outgoing.To] = now + Limits.HandOverPause;
                    else
                        _allPausedUntil = now + Limits.HandOverPause; // the writer of this node is slow, for each receiver
                    break;
                case HandOverState.Lost:
                    _outgoing.Remove(shard);
                    if (outgoing.Holder.Data == table[shard].Data) // an epoch of other data cannot be compared
                        reconciliation.NoteLost(shard, outgoing.Holder.Epoch);
                    close(shard);
                    // Only a switch of this node can have given the shard away while the node is active.
                    if (table[shard] is var holder && holder.Node == outgoing.To)
                        outgoing.SendDone(holder, now);
                    break;
            }
        }
    }

    /// <summary>
    /// The data is other data by now. Gives up each hand-over whose switch was not submitted; its shard is open again. A switch that was
    /// submitted may still be committed, so its hand-over stays in progress: the shard is not loaded before its outcome is known.
    /// </summary>
    public void ResetForNewData()
    {
        foreach (var (shard, outgoing) in _outgoing)
        {
            if (outgoing.TryGiveUp())
                _outgoing.Remove(shard);
        }
    }

    /// <summary>Forgets the hand-over of a shard that this node has lost.</summary>
    public void Remove(Shard shard) => _outgoing.Remove(shard);

    /// <summary>Forgets all hand-overs, because this node holds no shard any more.</summary>
    public void Clear() => _outgoing.Clear();
}
