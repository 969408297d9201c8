using System.Collections.Immutable;
using System.Numerics;
using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// Collects the events of a step: compares what the node is with what it was after the step before. A step has a few events at most, and
/// one or two for each other node. Used only by the loop of the node.
/// </summary>
/// <param name="parts">The parts of the node.</param>
internal sealed class LifecycleEvents(NodeParts parts)
{
    private readonly ImmutableArray<NodeEvent>.Builder _events = ImmutableArray.CreateBuilder<NodeEvent>();
    private readonly HashSet<NodeId> _evicting = [];
    private (NodeId Node, long Renewal, EvictionRefusal Reason) _refused; // the last eviction that was refused
    private readonly ulong[] _open = new ulong[ShardBits.Words]; // the shards that were open at the last comparison
    private int _openCount;
    private DataIdentity _data;
    private TimeSpan _readyChangedAt;
    private TimeSpan _confirmationChangedAt;
    private int _timesConfirmed;
    private bool _isConfirmed;
    private bool _isReady;
    private bool _isLeaving;

    /// <summary>The node has joined.</summary>
    public void NoteJoined()
    {
        _readyChangedAt = _confirmationChangedAt = parts.Clock.Now;
        _events.Add(new NodeJoined());
    }

    /// <summary>The store has answered to an eviction.</summary>
    /// <param name="eviction">The eviction.</param>
    /// <param name="refusal">Why the store has not evicted the node; null if it has.</param>
    public void NoteEviction(Eviction eviction, EvictionRefusal? refusal)
    {
        if (refusal is not { } reason)
        {
            _evicting.Remove(eviction.Node);
            _events.Add(new EvictionDone(eviction.Node, eviction.HasVotes));
        }
        else if (_refused != (eviction.Node, eviction.Renewal, reason))
        {
            _refused = (eviction.Node, eviction.Renewal, reason);
            _events.Add(new EvictionRefused(eviction.Node, reason));
        }
    }

    /// <summary>Compares what changes in few steps. To be called at the end of each step.</summary>
    /// <param name="isReady">Whether clients may call the node.</param>
    /// <param name="isLeaving">Whether the node was asked to leave.</param>
    public void Compare(bool isReady, bool isLeaving)
    {
        var now = parts.Clock.Now;
        if (parts.Gates.Data is var data && data != _data)
        {
            _events.Add(new DataChanged(_data == default ? null : _data, data));
            _data = data;
        }
        CompareConfirmation(now);
        if (isLeaving && !_isLeaving)
            _events.Add(new NodeLeaving(_openCount));
        _isLeaving |= isLeaving;
        if (isReady != _isReady)
        {
            var after = now - _readyChangedAt;
            var reason = isLeaving ? NotReadyReason.Leaving : NotReadyReason.Clock;
            _events.Add(isReady ? new NodeReady(after) : new NodeNotReady(reason, after));
            (_isReady, _readyChangedAt) = (isReady, now);
        }
        CompareEvictions();
    }

    /// <summary>Compares which shards are open.</summary>
    public void CompareShards()
    {
        var (opened, closed, count) = (0, 0, 0);
        for (var word = 0; word < ShardBits.Words; word++)
        {
            var (open, before) = (parts.Gates.OpenWord(word), _open[word]);
            _open[word] = open;
            count += BitOperations.PopCount(open);
            opened += BitOperations.PopCount(open & ~before);
            closed += BitOperations.PopCount(before & ~open);
        }
        _openCount = count;
        if (opened + closed > 0)
            _events.Add(new ShardsMoved(opened, closed, count));
    }

    /// <summary>The node has ended.</summary>
    public void NoteEnd(NodeEnd end)
    {
        CompareShards();
        _events.Add(new NodeEnded(end));
    }

    /// <summary>Whether the step has had events so far.</summary>
    public bool HasAny => _events.Count > 0;

    /// <summary>Returns the events of the step, in their order, and forgets them.</summary>
    public ImmutableArray<NodeEvent> Take()
    {
        if (_events.Count == 0)
            return [];
        var events = _events.ToImmutable();
        _events.Clear();
        return events;
    }

    private void CompareConfirmation(TimeSpan now)
    {
        var times = parts.Confirmation.TimesConfirmed;
        var isConfirmed = parts.Confirmation.IsConfirmed(now);
        if (_isConfirmed && (!isConfirmed || times != _timesConfirmed))
            NoteUnconfirmed(now);
        if (times != _timesConfirmed) // also if it was confirmed only between two steps
        {
            _events.Add(new NodeConfirmed(now - _confirmationChangedAt));
            (_isConfirmed, _confirmationChangedAt, _timesConfirmed) = (true, now, times);
            if (!isConfirmed)
                NoteUnconfirmed(now);
        }
    }

    private void NoteUnconfirmed(TimeSpan now)
    {
        var status = parts.Confirmation.ReadConfirmation(now);
        _events.Add(new NodeUnconfirmed(status.RenewedBefore, status.SilentPeers));
        (_isConfirmed, _confirmationChangedAt) = (false, now);
    }

    private void CompareEvictions()
    {
        var evicting = parts.Confirmation.ListEvicted();
        if (evicting.IsEmpty && _evicting.Count == 0)
            return;
        foreach (var node in _evicting.Where(node => !evicting.Contains(node)).ToArray())
        {
            _evicting.Remove(node);
            _events.Add(new EvictionAbandoned(node));
        }
        foreach (var node in evicting)
        {
            if (_evicting.Add(node))
                _events.Add(new EvictionBegun(node));
        }
    }
}
