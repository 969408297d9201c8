using System.Collections.Concurrent;
using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Confirmation;
using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Ownership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Storage.Cluster;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// A node of a cluster: confirms itself, watches the others, holds shards, and brings calls to their owners.
/// </summary>
/// <remarks>
/// <see cref="Step"/> does everything that is due, and is called by one thread at a time: at least every <see cref="Limits.NodeStep"/>, and
/// when <see cref="Woken"/> asks for it. Messages may come at any time from any thread. Those of links, which carry heartbeats, are handled
/// by that thread; the others by the next step.
/// </remarks>
public sealed class ClusterNode : ILinkReceiver
{
    private static readonly NodeEnd HasLeft = new(NodeEndReason.Left, "This run has left the cluster.");

    private static readonly ClusterView NoNodes = new(Number: -1, []);

    private readonly NodeParts _parts;
    private readonly NodeId _self;
    private readonly ShardTable _table = new();
    private readonly NodeLinks _links;
    private readonly OwnedCalls _owned;
    private readonly ShardOwnership _ownership;
    private readonly StorePoll _poll;
    private readonly HomeServices _homes;
    private readonly StreamCloses _closes;
    private readonly ConcurrentQueue<(NodeId From, object Message)> _inbox = new();
    private readonly Dictionary<NodeId, NodeStatus> _statuses = [];
    private readonly NodeData _data;
    private readonly StoreCall<long, RenewedLease> _renewal;
    private Action? _cancelRenewal; // the last one; null before the first
    private readonly StoreCall<bool, NodeLease?> _join;
    private readonly StoreCall<Eviction, bool> _eviction;
    private readonly StoreCall<DataIdentity, ImmutableArray<ShardHolder>> _claim;
    private readonly StoreCall<bool, bool> _leave;
    private (ClusterView View, ImmutableArray<NodeId> Members, ClusterView Joined) _joined = (NoNodes, [], NoNodes);
    private ImmutableHashSet<NodeId> _leaving = [];
    private int _leavingVersion;
    private readonly WatchedSet _watched;
    private TimeSpan _statusAt = TimeSpan.MinValue;
    private TimeSpan _watchedAt = TimeSpan.MinValue; // when the last change of the watched service instances was sent
    private long _number; // of the last status
    private volatile bool _isLeaving;
    private volatile bool _hasOpened; // all shards that were to be its own after it had joined
    private volatile NodeEnd? _end;
    private bool _hasJoined;
    private bool _mayHaveLeft; // the store was asked to mark this run as left
    private bool _isViewSeen; // whether a view has shown this node

    /// <summary>Creates a node that has not joined yet. The first steps join.</summary>
    public ClusterNode(NodeParts parts)
    {
        _parts = parts;
        _self = parts.View.Self;
        _links = new NodeLinks(parts.Channel, this);
        _renewal = new(parts.Clock, Wake);
        _join = new(parts.Clock, Wake);
        _eviction = new(parts.Clock, Wake);
        _claim = new(parts.Clock, Wake);
        _leave = new(parts.Clock, Wake);
        parts.Status.OtherDataFound += () =>
        {
            parts.Confirmation.NoteOtherData();
            Wake();
        };
        _homes = new HomeServices(
            parts.View, parts.Channel, _table, parts.Gates, parts.Services, parts.Webhooks, parts.Quotas, () => Data);
        var streams = parts.Tracker.Streams ?? throw new ArgumentException("The tracker has no gates.", nameof(parts));
        var loader = new ShardLoader(parts.Store, parts.Services, parts.Tracker.Shards!, Wake);
        _ownership = new ShardOwnership(
            _self, _table, parts.Gates, parts.Tracker.Shards!, loader, parts.Queue, Send, _homes.IsDrained);
        _data = new NodeData(parts, _table, _ownership, _homes);
        _poll = new StorePoll(parts, _table, _data.Adopt, Wake);
        _closes = new StreamCloses(_self, parts.Tracker.Shards!, streams, _ownership.Note, _links.TrySend);
        _owned = new OwnedCalls(
            parts.Tracker, streams, parts.Services, parts.Executor, _table, () => IsConfirmed,
            (to, item) => Send(to, item, parts.Clock.Now + Limits.ForwardedCall), Wake);
        Router = new UserRouter(_self, _table, parts.Gates, parts.Tracker, streams, parts.Clock, () => IsConfirmed, Send, Wake);
        parts.Services.SwitchedOn += parts.Tracker.Reconsider;
        _watched = new WatchedSet(parts.Hub.NeedsUsers);
        parts.Hub.WatchedChanged += _watched.Note;
    }

    /// <summary>Raised, by any thread, when a step should follow soon.</summary>
    public event Action? Woken;

    /// <summary>
    /// Raised once, by the step in which the node has joined. The writer may start now: before, the store has no position for it.
    /// </summary>
    public event Action? Joined;

    /// <summary>
    /// Raised once, by a step, when the node has left the cluster or was removed from it. All watches have ended. The receiver ends the
    /// heartbeat streams.
    /// </summary>
    public event Action<NodeEnd>? Ended;

    /// <summary>Brings the calls of this ingress to their owners.</summary>
    public UserRouter Router { get; }

    /// <summary>The shares of quotas that this node has borrowed: the limits of its <see cref="QuotaLimiter"/>.</summary>
    public QuotaBorrower Quotas => _homes.Borrower;

    /// <summary>Whether the node may answer calls that depend on its sessions.</summary>
    public bool IsConfirmed => _parts.Confirmation.IsConfirmed(_parts.Clock.Now);

    /// <summary>
    /// Whether the node should get calls: it has opened every shard that was to be its own after it joined, and neither leaves nor has
    /// ended. Later moves of shards do not change this, because a call for a shard that moves waits for it. Safe from any thread.
    /// </summary>
    public bool IsReady => _hasOpened && !_isLeaving && End is null;

    /// <summary>How the node has ended; null while it has not. Safe from any thread.</summary>
    public NodeEnd? End => _end;

    /// <summary>The data that this node knows; default before its first poll.</summary>
    public DataIdentity Data => _parts.Gates.Data;

    /// <summary>The holders of the shards, as this node knows them.</summary>
    public ShardTable Table => _table;

    /// <summary>Makes the node give all its shards to others, and then leave.</summary>
    public void Leave()
    {
        _isLeaving = true;
        Wake();
    }

    /// <summary>
    /// Closes a heartbeat stream that a client has opened to this node, at each node that may know it. Call it for each stream that is over
    /// for any reason: otherwise the owners of its sessions remember it. The steps that follow do it.
    /// </summary>
    /// <param name="stream">The stream.</param>
    /// <param name="byClient">Whether the client has closed it. Otherwise the server has, and no session ends.</param>
    public void CloseStream(RoutedStream stream, bool byClient)
    {
        if (End is null)
            Receive(_self, new CloseStreamItem(stream.Id, byClient && stream.EndSessionsOnClose));
    }

    /// <summary>Takes a message from another node.</summary>
    public void Receive(NodeId from, NodeMessage message)
    {
        if (End is not null)
            return;
        var now = _parts.Clock.Now;
        if (_links.Receive(from, message, now) || _parts.Confirmation.Receive(from, message, now))
            return;
        if (message is SharedQuotaMessage quotas)
        {
            _homes.Receive(quotas);
            return;
        }
        if (message is CommitHint hint)
        {
            _data.Take(hint);
            return;
        }
        _inbox.Enqueue((from, message));
        Wake();
    }

    /// <inheritdoc/>
    void ILinkReceiver.Receive(NodeId from, ImmutableArray<LinkItem> items)
    {
        foreach (var item in items)
            Receive(from, item);
        _links.Flush(from, _parts.Clock.Now);
    }

    /// <inheritdoc/>
    void ILinkReceiver.Lose(NodeId to, LostItem lost)
    {
        if (lost.Item is CallItem call)
            Router.Lose(to, call, lost.Outcome);
    }

    /// <summary>Does everything that is due.</summary>
    public void Step()
    {
        if (End is not null)
            return;
        var view = _parts.View.Current;
        Join(view);
        Confirm(view);
        if (End is not null)
            return;
        TakeMessages();
        Evict(); // also an earlier run of this node, before this one has joined
        if (_hasJoined)
        {
            _poll.Step(view);
            Own(view);
        }
        if (_closes.Step(view, _parts.Clock.Now))
            Wake();
        _parts.Confirmation.Tick(_parts.Clock.Now);
        SendWatched(view);
        SendStatus(view);
        _owned.Flush();
        Router.Tick(view);
        _links.Tick(view, _parts.Clock.Now);
    }

    private void Receive(NodeId from, LinkItem item)
    {
        switch (item)
        {
            case CallItem call:
                _owned.Receive(from, call);
                break;
            case ResultItem result:
                Router.Receive(from, result);
                break;
            default:
                _inbox.Enqueue((from, item));
                Wake();
                break;
        }
    }

    /// <summary>Sends an item to another node, or gives it to this one.</summary>
    private bool Send(NodeId to, LinkItem item, TimeSpan deadline)
    {
        if (to == _self)
        {
            Receive(_self, item);
            return true;
        }
        if (!_parts.View.Current.Contains(to) || !_links.TrySend(to, item, deadline))
            return false;
        _links.Flush(to, _parts.Clock.Now);
        return true;
    }

    private void TakeMessages()
    {
        for (var left = Limits.MessagesAtOnce; left > 0 && _inbox.TryDequeue(out var received); left--)
        {
            switch (received.Message)
            {
                case HandOverItem item:
                    _ownership.Receive(received.From, item, _parts.Clock.Now);
                    break;
                case CloseStreamItem close:
                    left -= _closes.Receive(close, _parts.Clock.Now);
                    break;
                case WatchedServices watched:
                    _parts.Hints.Receive(received.From, watched);
                    break;
                case WatchedChange change:
                    _parts.Hints.Receive(received.From, change);
                    break;
                case WatchedQuestion:
                    _parts.Channel.Send(received.From, _watched.ToMessage());
                    break;
                case HolderHint hint:
                    foreach (var holder in hint.Shards)
                        _table.Learn(holder.Shard, new KnownHolder(holder.Node, holder.Epoch, hint.Data));
                    break;
                case NodeStatus status:
                    if (!_statuses.TryGetValue(received.From, out var known) || known.Number < status.Number)
                        _statuses[received.From] = status;
                    if (!_parts.Hints.Knows(received.From, status.Watched))
                        _parts.Channel.Send(received.From, new WatchedQuestion());
                    break;
            }
        }
        if (!_inbox.IsEmpty)
            Wake();
    }

    /// <summary>
    /// Joins once a view has shown this node, so that a later view without it says that the others do not count on it any more. An earlier
    /// run of the name that is active must be evicted first.
    /// </summary>
    private void Join(ClusterView view)
    {
        _isViewSeen |= view.Contains(_self);
        if (!_hasJoined && view.Nodes.Any(node => node.Name == _self.Name && node.Incarnation > _self.Incarnation))
        {
            Stop(new NodeEnd(NodeEndReason.NotInView, $"View {view.Number} contains a later run of this node."));
            return;
        }
        if (_join.TryTake(out _, out var earlier, out var error))
        {
            if (error is NodeEvictedException)
            {
                Stop(new NodeEnd(NodeEndReason.JoinRefused, error.Message));
            }
            else if (error is null && earlier is null)
            {
                _hasJoined = true;
                _parts.Confirmation.Begin(_parts.Clock.Now);
                Joined?.Invoke();
            }
            else if (earlier is not null)
            {
                _parts.Confirmation.Observe(earlier, _parts.Clock.Now);
                _join.Pause();
            }
        }
        if (!_hasJoined && _isViewSeen && _join.MayBegin && End is null)
            _join.Begin(true, _parts.Store.JoinAsync(_self, CancellationToken.None));
    }

    private void Confirm(ClusterView view)
    {
        var now = _parts.Clock.Now;
        if (_renewal.TryTake(out var number, out var renewed, out var error))
        {
            if (error is not null)
                _parts.Confirmation.FailRenewal(number);
            else
                _parts.Confirmation.CompleteRenewal(number, renewed.Data, renewed.Members, now);
        }
        if (!_hasJoined)
            return;
        if (FindEnd(view, error as NodeEvictedException, now) is { } end)
        {
            Stop(end);
            return;
        }
        if (_parts.Confirmation.TryBeginRenewal(now, out var renewal, out var acknowledged))
        {
            // A renewal without an answer is replaced by the next one. Its late answer counts for nothing, so nobody waits for it.
            _cancelRenewal?.Invoke();
            var renewing = new CancellationTokenSource();
            _cancelRenewal = () =>
            {
                renewing.Cancel();
                renewing.Dispose();
            };
            _renewal.Begin(renewal.Number, _parts.Store.RenewAsync(_self, renewal.Number, acknowledged, renewing.Token));
        }
    }

    /// <summary>Returns why the node must end; null if it need not.</summary>
    /// <param name="view">The newest view.</param>
    /// <param name="refused">What the store has answered to a renewal, if it refused it.</param>
    /// <param name="now">The time of the clock of this node.</param>
    private NodeEnd? FindEnd(ClusterView view, NodeEvictedException? refused, TimeSpan now)
    {
        NodeEnd? end = null;
        if ((refused ?? _parts.Status.Eviction) is { } eviction)
            end = new NodeEnd(NodeEndReason.NotActive, eviction.Message);
        else if (_poll.IsOut)
            end = new NodeEnd(NodeEndReason.NotActive, "The store does not list this run among the active ones.");
        else if (!view.Contains(_self))
            end = new NodeEnd(NodeEndReason.NotInView, $"View {view.Number} does not contain this run.");
        // The answer to the leave may come later than what follows from it.
        if (end is not null)
            return _mayHaveLeft ? HasLeft : end;
        return _parts.Confirmation.StateAt(now) == ConfirmationState.Lost
            ? new NodeEnd(NodeEndReason.Unconfirmed, "Neither the store nor a majority of the nodes has confirmed this run in time.")
            : null;
    }

    private void Evict()
    {
        if (_eviction.TryTake(out var done, out var isEvicted, out var error))
            _parts.Confirmation.CompleteEviction(done, isOver: error is null && isEvicted);
        if (!_eviction.MayBegin || !_parts.Confirmation.TryTakeEviction(_parts.Clock.Now, out var eviction))
            return;
        var age = eviction.HasVotes ? Limits.Confirmation : Limits.PeerConfirmation + Limits.Confirmation;
        _eviction.Begin(
            eviction, _parts.Store.EvictAsync(eviction.Node, eviction.Data, eviction.Renewal, age, CancellationToken.None));
    }

    /// <summary>
    /// Returns the view without the nodes that the store does not show as active. One of them that waits to join can take no shard and
    /// answers no question.
    /// </summary>
    private ClusterView JoinedOf(ClusterView view)
    {
        if (view.Number != _joined.View.Number || _poll.Members != _joined.Members)
        {
            _joined = (view, _poll.Members, view with { Nodes = [.. view.Nodes.Where(_poll.Members.Contains)] });
            _leavingVersion++; // so that the targets are computed again
        }
        return _joined.Joined;
    }

    private void Own(ClusterView view)
    {
        if (_claim.TryTake(out var data, out var claimed, out var error) && error is null)
        {
            if (claimed.IsEmpty)
                _claim.Pause(); // other nodes have them, or the data is other data; the poll shows it
            foreach (var holder in claimed)
                _table.Learn(holder.Shard, new KnownHolder(holder.Node, holder.Epoch, data));
            if (claimed.Length > 0)
                SendToOthers(view, new HolderHint(data, claimed));
        }
        var now = _parts.Clock.Now;
        var joined = JoinedOf(view);
        FindLeaving(joined);
        _ownership.Tick(joined, (_leaving, _leavingVersion), (_poll.IsFresh && !_poll.IsChecking, _parts.Confirmation.MayTakeOver), now);
        _hasOpened |= _ownership.IsReady && joined.Contains(_self);
        _homes.Step(view);
        if (_isLeaving)
            TryLeave(joined);
        else if (_ownership.ToClaim.Count > 0 && _poll.HasPolled && _claim.MayBegin)
            _claim.Begin(_poll.Data, _parts.Store.ClaimAsync(_self, _poll.Data, [.. _ownership.ToClaim], CancellationToken.None));
        if (_ownership.HasMore)
            Wake();
    }

    private void FindLeaving(ClusterView view)
    {
        if (_leaving.IsEmpty && !_isLeaving && !_statuses.Values.Any(status => status.IsLeaving))
            return;
        var leaving = view.Nodes.Where(node => node == _self ? _isLeaving : _statuses.GetValueOrDefault(node) is { IsLeaving: true })
            .ToImmutableHashSet();
        if (leaving.SetEquals(_leaving))
            return;
        _leaving = leaving;
        _leavingVersion++;
    }

    /// <summary>
    /// Leaves once no shard is left. If no node is left to take them, closes them first, because another node may take them as soon as the
    /// store has noted that this one has left, and this one learns of that later.
    /// </summary>
    private void TryLeave(ClusterView view)
    {
        if (_leave.TryTake(out _, out var hasLeft, out var error) && error is null)
        {
            if (hasLeft)
            {
                Stop(HasLeft);
                return;
            }
            _leave.Pause(); // the data is other data; the poll shows it
        }
        // Once the shards are being closed, it goes on: a node that joins meanwhile takes them over afterwards.
        var mayKeepShards = _ownership.IsClosingForGood || view.Nodes.All(_leaving.Contains);
        if (_poll.IsChecking || (!_ownership.IsEmpty && !mayKeepShards) || !_homes.AreAllDrained())
            return;
        if ((!_ownership.IsEmpty && !_ownership.TryCloseForGood()) || !_leave.MayBegin)
            return;
        _mayHaveLeft = true;
        _leave.Begin(true, _parts.Store.LeaveAsync(_self, Data, CancellationToken.None));
    }

    private void SendWatched(ClusterView view)
    {
        var now = _parts.Clock.Now;
        if (now < _watchedAt + Limits.NodeStep || _watched.TakeChange() is not { } change)
            return;
        _watchedAt = now;
        SendToOthers(view, change);
    }

    private void SendStatus(ClusterView view)
    {
        var now = _parts.Clock.Now;
        if (now < _statusAt + Limits.NodeStatusInterval)
            return;
        _statusAt = now;
        _number++;
        _watched.SetDelivered(_homes.ListDelivered());
        SendToOthers(view, new NodeStatus(_isLeaving, _number, _watched.Number));
        _parts.Hints.Forget(view);
        foreach (var node in _statuses.Keys.Where(node => !view.Contains(node)).ToArray())
            _statuses.Remove(node);
    }

    private void Stop(NodeEnd end)
    {
        _end = end;
        _cancelRenewal?.Invoke();
        _cancelRenewal = null;
        _parts.Confirmation.Depose();
        _parts.Hub.Drain();
        _ownership.CloseAll();
        _homes.CloseAll();
        Router.Stop();
        Ended?.Invoke(end);
    }

    private void SendToOthers(ClusterView view, NodeMessage message)
    {
        foreach (var node in view.Nodes)
        {
            if (node != _self)
                _parts.Channel.Send(node, message);
        }
    }

    private void Wake() => Woken?.Invoke();
}
