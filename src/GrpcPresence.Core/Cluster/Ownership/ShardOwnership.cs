using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
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
    private readonly Dictionary<Shard, (Task<ShardLoad> Load, long Epoch)> _loading = [];
    private readonly Dictionary<Shard, HandOverDone> _done = []; // what the last holder said after the switch
    private readonly HashSet<Shard> _tracked = []; // those that the tracker may have users of
    private readonly long[] _lost = new long[Shard.Count]; // the last epoch under which the shard was lost, whatever the table says
    private readonly List<Shard> _toClaim = [];
    private (int Table, long View, int Leaving) _seen = (-1, -1, -1);
    private bool _mustLook; // a shard waits for something that is not seen in the table
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
        var seen = (table.Version, view.Number, leaving.Version);
        if (seen == _seen && !_mustLook)
            return;
        (_seen, _mustLook) = (seen, false);
        Look(view, leaving.Nodes, mayMove, now);
    }

    /// <summary>Closes every shard, because this node holds none any more.</summary>
    public void CloseAll()
    {
        foreach (var shard in _tracked.ToArray())
            Close(shard);
        _outgoing.Clear();
        _loading.Clear();
    }

    private void Look(ClusterView view, IReadOnlySet<NodeId> leaving, bool mayMove, TimeSpan now)
    {
        var targets = ShardTargets.Of(Staying(view, leaving));
        _toClaim.Clear();
        (IsReady, IsEmpty) = (true, true);
        NodeId? receiver = null;
        List<Shard> toMove = [];
        for (var number = 0; number < Shard.Count; number++)
        {
            var shard = new Shard(number);
            var holder = table[shard];
            var isTarget = targets[shard] == self;
            if (holder.Node != self)
            {
                if (!_outgoing.ContainsKey(shard)) // it learns by itself that the receiver has the shard, and tells it
                    Close(shard);
                _incoming.Forget(shard, holder.Node, holder.Epoch);
                IsReady &= !isTarget;
                if (holder.Node is null && isTarget)
                    _toClaim.Add(shard);
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
            else if (!isTarget && targets[shard] is { } other && gate.State == ShardGateState.Open)
            {
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
        _mustLook |= receiver is not null;
        if (receiver is { } to && mayMove && now >= _pausedUntil)
            Begin(toMove, to, now);
    }

    private void Begin(List<Shard> toMove, NodeId to, TimeSpan now)
    {
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
        _tracked.Add(shard);
        _loading[shard] = (loader.LoadAsync(shard, incoming, isHandedOver), epoch);
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
            _ = load.Exception; // observed
            if (load.IsCompletedSuccessfully && holder.Node == self && holder.Epoch == epoch)
                load.Result.Open(epoch);
            else
                Close(shard); // the next look loads again, if this node still holds the shard
            _mustLook = true;
        }
    }

    private void NoteLost(Shard shard, long epoch) => _lost[shard.Number] = Math.Max(_lost[shard.Number], epoch);

    private void Close(Shard shard)
    {
        if (_tracked.Remove(shard))
            shards.Close(shard);
        _loading.Remove(shard);
        _outgoing.Remove(shard);
    }

    private static ClusterView Staying(ClusterView view, IReadOnlySet<NodeId> leaving) =>
        leaving.Count == 0 || view.Nodes.All(leaving.Contains) ? view : view with { Nodes = view.Nodes.RemoveAll(leaving.Contains) };
}
