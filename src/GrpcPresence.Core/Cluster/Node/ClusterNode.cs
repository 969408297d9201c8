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
    private readonly StoreCall<long, RenewedLease> _renewal;
    private Action? _cancelRenewal; // the last one; null before the first
    private readonly StoreCall<bool, NodeLease?> _join;
    private readonly StoreCall<Eviction, bool> _eviction;
    private readonly StoreCall<DataIdentity, ImmutableArray<ShardHolder>> _claim;
    private readonly StoreCall<bool, bool> _leave;
    private readonly Lock _dataGate = new(); // orders the loop, the writer, and hints when the data becomes other data
    private KnownData? _data; // what the last poll was of; replaced as a whole
    private ImmutableHashSet<NodeId> _leaving = [];
    private int _leavingVersion;
    private TimeSpan _statusAt = TimeSpan.MinValue;
    private long _number; // of the last status
    private bool _isLeaving;
    private bool _hasJoined;
    private bool _isViewSeen; // whether a view has shown this node

    /// <summary>Creates a node that has not joined yet. The first steps join.</summary>
    public ClusterNode(NodeParts parts)
    {
        _parts = parts;
        _self = parts.View.Self;
        _links = new NodeLinks(parts.Channel, this);
        _renewal = new(Wake);
        _join = new(Wake);
        _eviction = new(Wake);
        _claim = new(Wake);
        _leave = new(Wake);
        _poll = new StorePoll(parts, _table, Adopt, Wake);
        parts.Status.WentBack += CloseDoubtful;
        _homes = new HomeServices(
            parts.View, parts.Channel, _table, parts.Gates, parts.Services, parts.Webhooks, parts.Quotas, () => Data);
        var streams = parts.Tracker.Streams ?? throw new ArgumentException("The tracker has no gates.", nameof(parts));
        var loader = new ShardLoader(parts.Store, parts.Services, parts.Tracker.Shards!);
        _ownership = new ShardOwnership(
            _self, _table, parts.Gates, parts.Tracker.Shards!, loader, parts.Queue, Send, _homes.IsDrained);
        _closes = new StreamCloses(
            _self, _table, parts.Gates, parts.Tracker.Shards!,
            (to, item) => Send(to, item, parts.Clock.Now + Limits.ForwardedCall));
        _owned = new OwnedCalls(
            parts.Tracker, streams, parts.Services, parts.Executor, _table, () => IsConfirmed,
            (to, item) => Send(to, item, parts.Clock.Now + Limits.ForwardedCall), Wake);
        Router = new UserRouter(_self, _table, parts.Gates, parts.Tracker, streams, parts.Clock, () => IsConfirmed, Send, Wake);
        parts.Services.SwitchedOn += parts.Tracker.Reconsider;
        parts.Hub.WatchedChanged += _ => _statusAt = TimeSpan.MinValue;
    }

    /// <summary>Raised, by any thread, when a step should follow soon.</summary>
    public event Action? Woken;

    /// <summary>Raised once, by a step, when the node has left the cluster or was removed from it. All its streams have ended.</summary>
    public event Action<NodeEnd>? Ended;

    /// <summary>Brings the calls of this ingress to their owners.</summary>
    public UserRouter Router { get; }

    /// <summary>The shares of quotas that this node has borrowed: the limits of its <see cref="QuotaLimiter"/>.</summary>
    public QuotaBorrower Quotas => _homes.Borrower;

    /// <summary>Whether the node may answer calls that depend on its sessions.</summary>
    public bool IsConfirmed => _parts.Confirmation.IsConfirmed(_parts.Clock.Now);

    /// <summary>Whether every shard of which this node is the target is open here.</summary>
    public bool IsReady => _hasJoined && _ownership.IsReady && !_isLeaving;

    /// <summary>How the node has ended; null while it has not.</summary>
    public NodeEnd? End { get; private set; }

    /// <summary>The data that this node knows; default before its first poll.</summary>
    public DataIdentity Data => Volatile.Read(ref _data)?.Identity ?? default;

    /// <summary>The holders of the shards, as this node knows them.</summary>
    public ShardTable Table => _table;

    /// <summary>Makes the node give all its shards to others, and then leave.</summary>
    public void Leave()
    {
        _isLeaving = true;
        Wake();
    }

    /// <summary>Closes a heartbeat stream that a client has opened to this node, at each node that may own a session of it.</summary>
    public void CloseStream(RoutedStream stream)
    {
        if (!stream.EndSessionsOnClose)
            return;
        foreach (var node in _parts.View.Current.Nodes)
            Send(node, new CloseStreamItem(stream.Id), _parts.Clock.Now + Limits.ForwardedCall);
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
            TakeCommits(hint);
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
        TakeMessages();
        Join();
        Confirm(view);
        if (End is not null)
            return;
        Evict(); // also an earlier run of this node, before this one has joined
        if (_hasJoined)
        {
            _poll.Step(view);
            Own(view);
        }
        _closes.Step(_parts.Clock.Now);
        _parts.Confirmation.Tick(_parts.Clock.Now);
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
        while (_inbox.TryDequeue(out var received))
        {
            switch (received.Message)
            {
                case HandOverItem item:
                    _ownership.Receive(received.From, item, _parts.Clock.Now);
                    break;
                case CloseStreamItem close:
                    _closes.Receive(close.Stream, _parts.Clock.Now);
                    break;
                case WatchedServices watched:
                    _parts.Hints.Receive(received.From, watched);
                    break;
                case HolderHint hint:
                    foreach (var holder in hint.Shards)
                        _table.Learn(holder.Shard, new KnownHolder(holder.Node, holder.Epoch, hint.Data));
                    break;
                case NodeStatus status:
                    if (!_statuses.TryGetValue(received.From, out var known) || known.Number < status.Number)
                        _statuses[received.From] = status;
                    break;
            }
        }
    }

    private void TakeCommits(CommitHint hint)
    {
        lock (_dataGate) // a hint of lost commits must not follow the reset of the cache
        {
            if (hint.Data != Data)
                return;
            foreach (var commit in hint.Commits)
            {
                if (commit.IsDeleted)
                    _parts.Services.Remove(commit.Service.Sid, commit.Service.Id);
                else
                    _parts.Services.Update(commit.Service);
            }
        }
        _parts.Hub.Publish(hint.Commits);
        _parts.Webhooks?.Publish(hint.Commits);
    }

    /// <summary>Joins, unless an earlier run of the name is active, which must be evicted first.</summary>
    private void Join()
    {
        if (_join.TryTake(out _, out var earlier, out var error))
        {
            if (error is NodeEvictedException)
                Stop(NodeEnd.Evicted);
            else if (error is null && earlier is null)
                _hasJoined = true;
            else if (earlier is not null)
                _parts.Confirmation.Observe(earlier, _parts.Clock.Now);
        }
        if (!_hasJoined && !_join.IsBusy && End is null)
            _join.Begin(true, _parts.Store.JoinAsync(_self, CancellationToken.None));
    }

    private void Confirm(ClusterView view)
    {
        var now = _parts.Clock.Now;
        if (_renewal.TryTake(out var number, out var renewed, out var error))
        {
            if (error is NodeEvictedException)
                _parts.Confirmation.Depose();
            else if (error is not null)
                _parts.Confirmation.FailRenewal(number);
            else
                _parts.Confirmation.CompleteRenewal(number, renewed.Data, renewed.Members, now);
        }
        _isViewSeen |= view.Contains(_self);
        var isOut = (_isViewSeen && !view.Contains(_self)) || _poll.IsOut || _parts.Status.Eviction is not null;
        if (isOut)
            _parts.Confirmation.Depose();
        if (_hasJoined && (isOut || _parts.Confirmation.StateAt(now) == ConfirmationState.Lost))
        {
            Stop(NodeEnd.Evicted);
            return;
        }
        if (_hasJoined && _parts.Confirmation.TryBeginRenewal(now, out var renewal, out var acknowledged))
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

    private void Evict()
    {
        if (_eviction.TryTake(out var done, out var isEvicted, out var error))
            _parts.Confirmation.CompleteEviction(done, isOver: error is null && isEvicted);
        if (_eviction.IsBusy || !_parts.Confirmation.TryTakeEviction(_parts.Clock.Now, out var eviction))
            return;
        var age = eviction.HasVotes ? Limits.Confirmation : Limits.PeerConfirmation + Limits.Confirmation;
        _eviction.Begin(eviction, EvictAsync(eviction, age));
    }

    private ValueTask<bool> EvictAsync(Eviction eviction, TimeSpan age) =>
        _parts.Store.EvictAsync(eviction.Node, eviction.Data, eviction.Renewal, age, CancellationToken.None);

    /// <summary>
    /// The store shows other data than this node knew, or the first. Once the others hear that this node knows it, they count on it that
    /// every shard is closed here that is not of this node in that data.
    /// </summary>
    private void Adopt(ClusterPoll poll)
    {
        lock (_dataGate)
        {
            var now = _parts.Clock.Now;
            var mayHaveLost = !_parts.Confirmation.IsConfirmedThroughout(now);
            _table.Reset(poll.Identity, poll.Shards);
            _ownership.ForgetData(mayHaveLost);
            if (Data != default)
            {
                _parts.Services.Reset();
                _parts.Hub.Reset();
            }
            Volatile.Write(ref _data, new KnownData(poll.Identity));
            _homes.ForgetData();
            _parts.Confirmation.Learn(poll.Identity, now);
        }
    }

    /// <summary>
    /// The writer is about to write to other data than before, and the loop may not know that data yet. If another node may have taken
    /// shards of this one, the changes of their users are not written.
    /// </summary>
    private void CloseDoubtful(DataIdentity data)
    {
        lock (_dataGate)
        {
            if (Data == data || _parts.Confirmation.IsConfirmedThroughout(_parts.Clock.Now))
                return;
            for (var number = 0; number < Shard.Count; number++)
            {
                var shard = new Shard(number);
                _parts.Gates.Close(shard, _parts.Gates[shard].Epoch);
            }
        }
    }

    private void Own(ClusterView view)
    {
        if (_claim.TryTake(out var data, out var claimed, out var error) && error is null)
        {
            foreach (var holder in claimed)
                _table.Learn(holder.Shard, new KnownHolder(holder.Node, holder.Epoch, data));
            foreach (var node in view.Nodes)
            {
                if (node != _self && claimed.Length > 0)
                    _parts.Channel.Send(node, new HolderHint(data, claimed));
            }
        }
        var now = _parts.Clock.Now;
        FindLeaving(view);
        _ownership.Tick(view, (_leaving, _leavingVersion), (_poll.IsFresh && !_poll.IsChecking, _parts.Confirmation.MayTakeOver), now);
        _homes.Step(view);
        if (_isLeaving)
            TryLeave(view);
        else if (_ownership.ToClaim.Count > 0 && _poll.HasPolled && !_claim.IsBusy)
            _claim.Begin(_poll.Data, _parts.Store.ClaimAsync(_self, _poll.Data, _ownership.ToClaim, CancellationToken.None));
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

    /// <summary>Leaves once no shard is left, or at once if no node is left to take them.</summary>
    private void TryLeave(ClusterView view)
    {
        if (_leave.TryTake(out _, out _, out var error) && error is null)
        {
            Stop(NodeEnd.Left);
            return;
        }
        if (_poll.IsChecking || (!_ownership.IsEmpty && !view.Nodes.All(_leaving.Contains)) || !_homes.AreAllDrained() || _leave.IsBusy)
            return;
        _leave.Begin(true, LeaveAsync());

        async ValueTask<bool> LeaveAsync()
        {
            await _parts.Store.LeaveAsync(_self, CancellationToken.None).ConfigureAwait(false);
            return true;
        }
    }

    private void SendStatus(ClusterView view)
    {
        var now = _parts.Clock.Now;
        if (now < _statusAt + Limits.NodeStatusInterval)
            return;
        _statusAt = now;
        _number++;
        var watched = new WatchedServices([.. _parts.Hub.Watched, .. _homes.ListDelivered()], _number);
        foreach (var node in view.Nodes)
        {
            if (node == _self)
                continue;
            _parts.Channel.Send(node, new NodeStatus(_isLeaving, _number));
            _parts.Channel.Send(node, watched);
        }
        _parts.Hints.Forget(view);
        foreach (var node in _statuses.Keys.Where(node => !view.Contains(node)).ToArray())
        {
            _statuses.Remove(node);
            _parts.Tracker.Streams!.Forget(node);
        }
    }

    private void Stop(NodeEnd end)
    {
        End = end;
        _cancelRenewal?.Invoke();
        _cancelRenewal = null;
        _parts.Confirmation.Depose();
        _parts.Hub.Drain();
        _ownership.CloseAll();
        _homes.CloseAll();
        Router.Stop();
        Ended?.Invoke(end);
    }

    private void Wake() => Woken?.Invoke();

    private sealed record KnownData(DataIdentity Identity);
}

/// <summary>How a node has ended.</summary>
public enum NodeEnd
{
    /// <summary>It has given its shards away, and left.</summary>
    Left,

    /// <summary>It was removed, or may have been. Other nodes take its shards over.</summary>
    Evicted,
}
