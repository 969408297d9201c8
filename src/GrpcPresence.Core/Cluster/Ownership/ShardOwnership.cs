using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Presence;
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
internal sealed class ShardOwnership(
    NodeId self, ShardTable table, ShardGates gates, TrackedShards shards, ShardLoader loader, CommandQueue queue, SendItem send)
{
    private readonly IncomingHandOvers _incoming = new();
    private readonly Dictionary<Shard, OutgoingHandOver> _outgoing = [];
    private readonly Dictionary<Shard, (Task<ShardLoad> Load, long Epoch)> _loading = [];
    private readonly Dictionary<Shard, HandOverDone> _done = []; // what the last holder said after the switch
    private readonly bool[] _tracked = new bool[Shard.Count]; // those that the tracker may have users of
    private readonly long[] _lost = new long[Shard.Count]; // the last epoch under which the shard was lost, whatever the table says
    private readonly (KnownHolder? Holder, Seen State)[] _seenShards = new (KnownHolder?, Seen)[Shard.Count]; // by the last look
    private readonly List<Shard> _toClaim = [];
    private ShardTargets _targets = ShardTargets.Of(new ClusterView(Number: -1, []));
    private (int Table, long View, int Leaving) _seen = (-1, -1, -1);
    private bool _mustLook; // a shard waits for something that is not seen in the table
    private bool _isStoreAway; // the last load has failed
    private TimeSpan _pausedUntil; // no hand-over begins before
    private long _lastHandOver;

    /// <summary>Whether every shard of which this node is the target is open here, so that it may get calls.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Whether this node holds no shard.</summary>
    public bool IsEmpty { get; private set; }

    /// <summary>The shards that this node should claim, as the last <see cref="Tick"/> has seen it.</summary>
    public IReadOnlyList<Shard> ToClaim => _toClaim;

    /// <summary>Takes an item of a hand-over.</summary>
    public void Receive(NodeId from, HandOverItem item, TimeSpan now)
    {
        _seenShards[item.Shard.Number] = default;
        switch (item)
        {
            case HandOverAccepted accepted:
                if (_outgoing.TryGetValue(item.Shard, out var outgoing))
                    outgoing.Receive(from, accepted, now);
                break;
            case HandOverDone done:
                _done[done.Shard] = done;
                table.Learn(done.Shard, new KnownHolder(self, done.Epoch));
                break;
            default:
                if (_incoming.Receive(from, item))
                    send(from, new HandOverAccepted(item.Id, item.Shard), now + Limits.ForwardedCall);
                break;
        }
    }

    /// <summary>Does what is due, and notes what should be claimed.</summary>
    /// <param name="view">The newest view.</param>
    /// <param name="leaving">The nodes that give their shards away; a greater version for each change of the set.</param>
    /// <param name="mayMove">Whether the store answers, so that a switch would not wait for it.</param>
    /// <param name="now">The time of the clock of this node.</param>
    public void Tick(ClusterView view, (IReadOnlySet<NodeId> Nodes, int Version) leaving, bool mayMove, TimeSpan now)
    {
        AdvanceOutgoing(view, now);
        OpenLoaded();
        (int Table, long View, int Leaving) seen = (table.Version, view.Number, leaving.Version);
        if (seen == _seen && !_mustLook)
            return;
        if (seen.View != _seen.View || seen.Leaving != _seen.Leaving)
        {
            _targets = ShardTargets.Of(Staying(view, leaving.Nodes));
            Array.Clear(_seenShards);
        }
        (_seen, _mustLook) = (seen, false);
        Look(view, mayMove, now);
    }

    /// <summary>Closes every shard, because this node holds none any more.</summary>
    public void CloseAll()
    {
        for (var number = 0; number < Shard.Count; number++)
            Close(new Shard(number));
        _outgoing.Clear();
        _loading.Clear();
    }

    /// <summary>
    /// Looks at each shard with which something may be to do. While shards move, this runs with each step, and the last look has seen most
    /// shards as they are: these take 2 us together, instead of 20.
    /// </summary>
    private void Look(ClusterView view, bool mayMove, TimeSpan now)
    {
        loader.RenewUptime();
        _toClaim.Clear();
        (IsReady, IsEmpty) = (true, true);
        NodeId? receiver = null;
        List<Shard> toMove = [];
        var mayBegin = mayMove && now >= _pausedUntil && _outgoing.Count < Limits.HandOversAtOnce;
        for (var number = 0; number < Shard.Count; number++)
        {
            var shard = new Shard(number);
            var holder = table[shard];
            ref var seen = ref _seenShards[number];
            if (ReferenceEquals(holder, seen.Holder) && IsAsSeen(shard, seen.State, mayBegin))
                continue;
            seen = (holder, Seen.Unsettled);
            var target = _targets[shard];
            var isTarget = target == self;
            if (holder.Node != self)
            {
                var isOutgoing = _outgoing.ContainsKey(shard);
                if (!isOutgoing) // it learns by itself that the receiver has the shard, and tells it
                    Close(shard);
                _incoming.Forget(shard, holder.Node, holder.Epoch);
                IsReady &= !isTarget;
                if (holder.Node is null && isTarget)
                    _toClaim.Add(shard);
                else if (!isOutgoing)
                    seen = (holder, isTarget ? Seen.Awaited : Seen.Elsewhere);
                continue;
            }
            IsEmpty = false;
            var gate = gates[shard];
            if (gate.State == ShardGateState.Closed)
            {
                IsReady &= !isTarget;
                NoteLost(shard, gate.Epoch);
                if (holder.Epoch > _lost[number])
                    Load(shard, holder.Epoch, view, now);
            }
            else if (gate.Epoch != holder.Epoch)
            {
                Close(shard);
                _mustLook = true;
            }
            else if (isTarget && gate.State == ShardGateState.Open)
            {
                seen.State = Seen.Here;
            }
            else if (target is { } other && gate.State == ShardGateState.Open)
            {
                _mustLook = true;
                seen.State = Seen.ToMove;
                // One node at a time receives, so that a deployment of many nodes moves few shards at once.
                if (receiver is null || string.CompareOrdinal(other.Name, receiver.Value.Name) < 0)
                {
                    receiver = other;
                    toMove.Clear();
                }
                if (other == receiver)
                    toMove.Add(shard);
            }
        }
        if (receiver is { } to && mayBegin)
            Begin(toMove, to, now);
    }

    /// <summary>Whether nothing is to do with a shard whose holder is the one of the last look. Notes what the shard means for this node.</summary>
    private bool IsAsSeen(Shard shard, Seen state, bool mayBegin)
    {
        switch (state)
        {
            case Seen.Elsewhere:
                return true;
            case Seen.Awaited:
                IsReady = false;
                return true;
            case Seen.Here when gates.IsOpen(shard): // the writer closes the gate of a shard that this node has lost
                IsEmpty = false;
                return true;
            case Seen.ToMove when gates.IsOpen(shard) && !mayBegin:
                IsEmpty = false;
                _mustLook = true;
                return true;
            default:
                return false;
        }
    }

    private void Begin(List<Shard> toMove, NodeId to, TimeSpan now)
    {
        foreach (var shard in toMove)
        {
            if (_outgoing.Count >= Limits.HandOversAtOnce)
                return;
            var seal = shards.Seal(shard);
            _outgoing[shard] = new OutgoingHandOver(seal, ++_lastHandOver, gates[shard].Epoch, to, queue, send, now);
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
                    table.Learn(shard, new KnownHolder(outgoing.To, epoch));
                    Close(shard);
                    outgoing.SendDone(epoch, now);
                    break;
                case HandOverState.GivenUp:
                    _outgoing.Remove(shard);
                    _pausedUntil = now + Limits.HandOverPause;
                    break;
                case HandOverState.Lost:
                    _outgoing.Remove(shard);
                    NoteLost(shard, outgoing.Epoch);
                    Close(shard);
                    // Only a switch of this node can have given the shard away while the node is active.
                    if (table[shard] is var holder && holder.Node == outgoing.To)
                        outgoing.SendDone(holder.Epoch, now);
                    _mustLook = true;
                    break;
            }
        }
    }

    private void Load(Shard shard, long epoch, ClusterView view, TimeSpan now)
    {
        if (_loading.ContainsKey(shard))
            return;
        if (_isStoreAway && _loading.Count > 0) // one load shows whether the store answers again
        {
            _mustLook = true;
            return;
        }
        var done = _done.GetValueOrDefault(shard);
        var isHandedOver = done?.Epoch == epoch;
        if (!isHandedOver && _incoming.IsComplete(shard, view, now))
        {
            // The last holder may just have switched. What it says next tells whether this hand-over is the one that counts.
            _mustLook = true;
            return;
        }
        _done.Remove(shard);
        var incoming = _incoming.Take(shard);
        isHandedOver = isHandedOver && incoming is { IsComplete: true } && incoming.Begin.Id == done!.Id;
        _tracked[shard.Number] = true;
        var load = loader.LoadAsync(shard, incoming, isHandedOver);
        _loading[shard] = (load, epoch);
        _isStoreAway |= IsStoreAway(load);
        _mustLook = true;
    }

    private void OpenLoaded()
    {
        foreach (var (shard, (load, epoch)) in _loading)
        {
            if (!load.IsCompleted)
                continue;
            _loading.Remove(shard);
            var holder = table[shard];
            _isStoreAway = IsStoreAway(load);
            if (load.IsCompletedSuccessfully && holder.Node == self && holder.Epoch == epoch)
                load.Result.Open(epoch);
            else
                Close(shard); // the next look loads again, if this node still holds the shard
            _mustLook = true;
        }
    }

    private static bool IsStoreAway(Task load) => load.Exception?.InnerException is StorageException;

    private void NoteLost(Shard shard, long epoch) => _lost[shard.Number] = Math.Max(_lost[shard.Number], epoch);

    private void Close(Shard shard)
    {
        _seenShards[shard.Number] = default;
        if (_tracked[shard.Number])
            shards.Close(shard);
        _tracked[shard.Number] = false;
        _loading.Remove(shard);
        _outgoing.Remove(shard);
    }

    private static ClusterView Staying(ClusterView view, IReadOnlySet<NodeId> leaving) =>
        leaving.Count == 0 || view.Nodes.All(leaving.Contains) ? view : view with { Nodes = view.Nodes.RemoveAll(leaving.Contains) };

    /// <summary>What the last look has seen of a shard.</summary>
    private enum Seen : byte
    {
        /// <summary>Something may be to do.</summary>
        Unsettled,

        /// <summary>Another node holds it, or no node, and this node is not its target.</summary>
        Elsewhere,

        /// <summary>Another node holds it, and this node is its target.</summary>
        Awaited,

        /// <summary>It is open here, and this node is its target.</summary>
        Here,

        /// <summary>It is open here, and another node is its target.</summary>
        ToMove,
    }
}
