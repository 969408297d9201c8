using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Cluster.Ownership;

/// <summary>
/// Decides which shards this node claims, loads, opens, hands over and closes. Used only by the loop of the node.
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
/// <param name="shards">The shards in the tracker.</param>
/// <param name="loader">Loads shards.</param>
/// <param name="queue">Takes the switches.</param>
/// <param name="send">Sends an item to another node.</param>
/// <param name="isDrained">
/// Begins to stop what only the holder of an open shard does besides calls, and returns whether that has stopped. Asked until the shard is
/// sealed, so that a slow stop delays no call.
/// </param>
internal sealed class ShardOwnership(
    NodeId self,
    ShardTable table,
    ShardGates gates,
    TrackedShards shards,
    ShardLoader loader,
    CommandQueue queue,
    SendItem send,
    Func<Shard, bool> isDrained)
{
    private readonly IncomingHandOvers _incoming = new();
    private readonly Dictionary<Shard, OutgoingHandOver> _outgoing = [];
    private readonly ShardLoads _loads = new(loader);
    private readonly Dictionary<Shard, HandOverDone> _done = []; // what the last holder said after the switch
    private readonly bool[] _tracked = new bool[Shard.Count]; // those that the tracker may have users of
    private readonly long[] _lost = new long[Shard.Count]; // the last epoch under which the shard was lost, whatever the table says
    private readonly ShardBits _dirty = new(); // what Reconcile has not seen yet, besides changes of the table
    private readonly ShardBits _missing = new(); // this node is the target, and they are not open here
    private readonly ShardBits _held = new(); // this node is the holder
    private readonly ShardBits _unclaimed = new(); // this node is the target, and they have no holder
    private readonly ShardBits _toLoad = new(); // this node holds them, and may not load them from the store yet
    private readonly ShardBits _toMove = new(); // they are open here, and another node is the target
    private readonly List<Shard> _toClaim = [];
    private readonly List<ShardHolder> _switched = [];
    private ShardTargets _targets = ShardTargets.Of(new ClusterView(Number: -1, []));
    private (int Table, long View, int Excluded) _seen = (-1, -1, -1);
    private bool _mustReconcile; // a shard waits for something that is not seen in the table
    private readonly Dictionary<NodeId, TimeSpan> _pausedUntil = []; // before, no hand-over to the receiver begins
    private TimeSpan _allPausedUntil; // before, no hand-over begins
    private FinalClose? _final; // not null once the node closes all its shards to leave
    private bool _closesMore; // the last step has closed so many shards that the next one must go on
    private long _lastHandOver;

    /// <summary>Whether every shard of which this node is the target is open here, so that it may get calls.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Whether this node holds no shard.</summary>
    public bool IsEmpty { get; private set; }

    /// <summary>
    /// Whether the last step has left something to the next one, because one step does only so much. The next step should follow at once.
    /// </summary>
    public bool HasMore => _loads.HasMore || _closesMore;

    /// <summary>The shards that this node should claim, as the last <see cref="Tick"/> has seen it.</summary>
    public IReadOnlyList<Shard> ToClaim => _toClaim;

    /// <summary>The shards that other nodes hold since the last <see cref="Tick"/>, because this node has handed them over.</summary>
    public IReadOnlyList<ShardHolder> Switched => _switched;

    /// <summary>Takes an item of a hand-over.</summary>
    public void Receive(NodeId from, HandOverItem item, TimeSpan now)
    {
        MarkDirty(item.Shard);
        switch (item)
        {
            case HandOverAccepted or HandOverReceived:
                if (_outgoing.TryGetValue(item.Shard, out var outgoing))
                    outgoing.Receive(from, item, now);
                break;
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

    /// <summary>A stream was closed. What is being handed over to this node may be older.</summary>
    public void Note(CloseStreamItem close) => _incoming.Note(close);

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
        _switched.Clear();
        AdvanceOutgoing(view, now);
        _loads.Step(now, OpenLoaded);
        _closesMore = false;
        var mayBegin = may.Move && _final is null && now >= _allPausedUntil && _outgoing.Count < Limits.HandOversAtOnce;
        (int Table, long View, int Excluded) seen = (table.Version, view.Number, excluded.Version);
        var mayLoad = !_toLoad.IsEmpty && may.TakeOver && _loads.MayBegin(isHandedOver: false, now);
        if (seen == _seen && !_mustReconcile && !mayLoad && (!mayBegin || _toMove.IsEmpty))
            return;
        if (seen.View != _seen.View || seen.Excluded != _seen.Excluded)
        {
            _targets = ShardTargets.Of(Excluding(view, excluded.Nodes));
            _dirty.AddAll();
        }
        (_seen, _mustReconcile) = (seen, false);
        Reconcile(view, may.TakeOver, now);
        if (mayLoad)
            LoadWaiting(view, now);
        if (mayBegin && !_toMove.IsEmpty)
            Begin(now);
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
        foreach (var (shard, outgoing) in _outgoing)
        {
            // A switch that was submitted may still be committed. The shard is not loaded before its outcome is known.
            if (outgoing.TryGiveUp())
                _outgoing.Remove(shard);
            else
                CloseUsers(shard);
        }
        StopLoads();
        _final?.ResetForNewData();
        _incoming.Clear();
        _done.Clear();
        Array.Clear(_lost);
        var kept = new ShardBits();
        for (var number = 0; number < Shard.Count; number++)
        {
            var shard = new Shard(number);
            var gate = gates[shard];
            if (!mayHaveLost && gate.IsHeld && table[shard].Node == self && table[shard].Epoch == gate.Epoch)
                kept.Add(shard);
        }
        gates.SetData(data, kept);
        for (var number = 0; number < Shard.Count; number++)
        {
            if (!kept.Has(new Shard(number)))
                CloseUsers(new Shard(number));
        }
        _dirty.AddAll();
        _mustReconcile = true;
    }

    /// <summary>Whether <see cref="TryCloseAll"/> was called.</summary>
    public bool IsClosingAll => _final is not null;

    /// <summary>
    /// Closes every shard for calls, because the node leaves and no node is left to take them. To be called in each step. Returns whether
    /// nothing of them is left to write, so that the node may leave. After the first call, no shard opens any more.
    /// </summary>
    public bool TryCloseAll()
    {
        if (_final is null)
        {
            _final = new FinalClose(shards, gates, queue);
            StopLoads();
        }
        if (_outgoing.Count > 0) // it ends soon: the receiver has got the shard, or this node has it again
            return false;
        var isOver = _final.Advance();
        _closesMore = _final.HasMore;
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
        Targets = _targets,
        View = view,
        Held = _held,
        Incoming = _incoming,
        Outgoing = _outgoing,
        Done = _done,
        Now = now,
        Loads = _loads,
        LostEpochs = _lost,
        IsClosing = _final is not null,
        MayTakeOver = mayTakeOver,
    }.Report();

    /// <summary>Closes every shard, because this node holds none any more.</summary>
    public void CloseAll()
    {
        for (var number = 0; number < Shard.Count; number++)
            Close(new Shard(number));
        _outgoing.Clear();
        _loads.Clear();
    }

    /// <summary>
    /// Looks at each shard whose entry in the table has changed, and at those that wait for something else. While shards move, this runs
    /// with each step: all 1,024 would take 20 us.
    /// </summary>
    private void Reconcile(ClusterView view, bool mayTakeOver, TimeSpan now)
    {
        _loads.RenewUptime();
        for (var word = 0; word < ShardBits.Words; word++)
        {
            for (var bits = table.TakeChanged(word) | _dirty.Take(word); bits != 0; bits &= bits - 1)
                Reconcile(ShardBits.ShardOf(word, bits), view, mayTakeOver, now);
        }
        (IsReady, IsEmpty) = (_missing.IsEmpty, _held.IsEmpty);
        _toClaim.Clear();
        for (var word = 0; word < ShardBits.Words; word++)
        {
            for (var bits = _unclaimed.Word(word); bits != 0; bits &= bits - 1)
                _toClaim.Add(ShardBits.ShardOf(word, bits));
        }
    }

    /// <summary>Looks at shards that wait for their load, as long as loads may begin.</summary>
    private void LoadWaiting(ClusterView view, TimeSpan now)
    {
        for (var word = 0; word < ShardBits.Words; word++)
        {
            for (var bits = _toLoad.Word(word); bits != 0; bits &= bits - 1)
            {
                if (!_loads.MayBegin(isHandedOver: false, now))
                    return;
                Reconcile(ShardBits.ShardOf(word, bits), view, mayTakeOver: true, now);
            }
        }
    }

    private void Reconcile(Shard shard, ClusterView view, bool mayTakeOver, TimeSpan now)
    {
        var holder = table[shard];
        var isHolder = holder.Node == self;
        var isTarget = _targets[shard] == self;
        var gate = gates[shard];
        _toLoad.Set(shard, isIn: false);
        _held.Set(shard, isHolder);
        _missing.Set(shard, isTarget && (!isHolder || gate.State == ShardGateState.Closed));
        _unclaimed.Set(shard, isTarget && holder.Node is null);
        _toMove.Set(shard, isHolder && !isTarget && gate.State == ShardGateState.Open && gate.Epoch == holder.Epoch);
        if (!isHolder)
        {
            if (!_outgoing.ContainsKey(shard)) // it learns by itself that the receiver has the shard, and tells it
                Release(shard);
            _incoming.Forget(shard, holder);
        }
        else if (gate.State == ShardGateState.Closed)
        {
            NoteLost(shard, gate.Epoch);
            if (holder.Epoch > _lost[shard.Number] && !_outgoing.ContainsKey(shard))
                Load(shard, holder.Epoch, view, mayTakeOver, now);
        }
        else if (gate.Epoch != holder.Epoch)
        {
            Close(shard);
        }
    }

    /// <summary>
    /// Begins to hand over the shards of one receiver, so that a deployment of many nodes moves few shards at once. A receiver that a
    /// hand-over has failed to waits, and keeps no other one waiting.
    /// </summary>
    private void Begin(TimeSpan now)
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
            for (var bits = _toMove.Word(word); bits != 0; bits &= bits - 1)
            {
                var shard = ShardBits.ShardOf(word, bits);
                // The writer closes the gate of a shard that this node has lost.
                if (_targets[shard] is not { } other || !gates.IsOpen(shard) || _pausedUntil.ContainsKey(other))
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
            _toMove.Set(shard, isIn: false);
            if (shards.TrySeal(shard) is not { } seal)
            {
                MarkDirty(shard); // the writer has found meanwhile that it is lost
                continue;
            }
            _outgoing[shard] = new OutgoingHandOver(seal, ++_lastHandOver, table[shard], receiver!.Value, queue, send, now);
        }
    }

    private void AdvanceOutgoing(ClusterView view, TimeSpan now)
    {
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
                        NoteLost(shard, outgoing.Holder.Epoch);
                        _switched.Add(new ShardHolder(shard, receiver.Node, epoch));
                    }
                    Close(shard);
                    outgoing.SendDone(receiver, now);
                    break;
                case HandOverState.GivenUp:
                    _outgoing.Remove(shard);
                    MarkDirty(shard); // it begins again, also if it was the last one
                    if (outgoing.HasBegun)
                        _pausedUntil[outgoing.To] = now + Limits.HandOverPause;
                    else
                        _allPausedUntil = now + Limits.HandOverPause; // the writer of this node is slow, for each receiver
                    break;
                case HandOverState.Lost:
                    _outgoing.Remove(shard);
                    if (outgoing.Holder.Data == table[shard].Data) // an epoch of other data cannot be compared
                        NoteLost(shard, outgoing.Holder.Epoch);
                    Close(shard);
                    // Only a switch of this node can have given the shard away while the node is active.
                    if (table[shard] is var holder && holder.Node == outgoing.To)
                        outgoing.SendDone(holder, now);
                    break;
            }
        }
    }

    private void Load(Shard shard, long epoch, ClusterView view, bool mayTakeOver, TimeSpan now)
    {
        if (_loads.Contains(shard) || _final is not null)
            return;
        var done = _done.GetValueOrDefault(shard);
        var isHandedOver = done?.Holder.Epoch == epoch;
        if (!isHandedOver && _incoming.IsComplete(shard, view, now))
        {
            // The last holder may just have switched. What it says next tells whether this hand-over is the one that counts.
            MarkDirty(shard);
            return;
        }
        isHandedOver = isHandedOver && _incoming.Find(shard) is { IsComplete: true } complete && complete.Begin.Id == done!.Id;
        if (!isHandedOver && (!mayTakeOver || !_loads.MayBegin(isHandedOver: false, now)))
        {
            _toLoad.Set(shard, isIn: true); // a look at all that wait, in each step, would cost more than the step
            return;
        }
        if (!_loads.MayBegin(isHandedOver, now))
        {
            MarkDirty(shard);
            return;
        }
        // It is kept until the shard is open: the load may fail, because the store is away, and begin again.
        var incoming = _incoming.Find(shard);
        foreach (var close in incoming?.Closes ?? [])
            shards.CloseStream(close.Stream, close.EndsSessions, now + Limits.StreamCloseMemory);
        _tracked[shard.Number] = true;
        _loads.Begin(shard, epoch, incoming, isHandedOver);
    }

    private int OpenLoaded(Shard shard, ShardLoad? load, long epoch)
    {
        MarkDirty(shard);
        if (load is not null && table[shard] is var holder && holder.Node == self && holder.Epoch == epoch)
        {
            _incoming.Forget(shard);
            _done.Remove(shard);
            return load.Open(epoch);
        }
        Close(shard); // the next step loads again, if this node still holds the shard
        return 0;
    }

    private void NoteLost(Shard shard, long epoch) => _lost[shard.Number] = Math.Max(_lost[shard.Number], epoch);

    private void Close(Shard shard)
    {
        MarkDirty(shard);
        Release(shard);
    }

    private void MarkDirty(Shard shard)
    {
        _dirty.Add(shard);
        _mustReconcile = true;
    }

    private void Release(Shard shard)
    {
        CloseUsers(shard);
        _loads.Remove(shard);
        _outgoing.Remove(shard);
    }

    private void StopLoads()
    {
        foreach (var shard in _loads.Shards)
            CloseUsers(shard);
        _loads.Clear();
    }

    private void CloseUsers(Shard shard)
    {
        if (_tracked[shard.Number])
            shards.Close(shard);
        _tracked[shard.Number] = false;
    }

    private static ClusterView Excluding(ClusterView view, IReadOnlySet<NodeId> excluded) =>
        excluded.Count == 0 || view.Nodes.All(excluded.Contains) ? view : view with { Nodes = view.Nodes.RemoveAll(excluded.Contains) };
}
