using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Hints;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Quotas;
using GrpcPresence.Core.Storage;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>
/// A node of a cluster: confirms itself, watches the others, holds shards, and brings calls to their owners.
/// </summary>
/// <remarks>
/// <see cref="Step"/> does everything that is due, and is called by one thread at a time: at least every <see cref="Limits.NodeStep"/>, and
/// when <see cref="Woken"/> asks for it. Messages may come at any time from any thread. Those of links, which carry heartbeats, are handled
/// by that thread; the others by the next step.
/// </remarks>
public sealed class ClusterNode
{
    private readonly NodeParts _parts;
    private readonly NodeId _self;
    private readonly ShardTable _table = new();
    private readonly NodeItems _items;
    private readonly NodeInbox _inbox;
    private readonly NodeShards _shards;
    private readonly StreamCloses _closes;
    private readonly NodeData _data;
    private readonly StorePoll _poll;
    private readonly NodeMembership _membership;
    private readonly EvictionCall _eviction;
    private readonly StatusSender _sender;
    private readonly StatusReader _reader;
    private readonly LifecycleEvents _events;
    private readonly PeerContacts _contacts = new();
    private volatile TakenStatus _status;
    private volatile NodeEnd? _end;
    private volatile NodeEnd? _failure; // what the next step ends with

    /// <summary>Creates a node that has not joined yet. The first steps join.</summary>
    public ClusterNode(NodeParts parts)
    {
        _parts = parts;
        _self = parts.View.Self;
        parts.Status.OtherDataFound += () =>
        {
            parts.Confirmation.NoteOtherData();
            Wake();
        };
        var streams = parts.Tracker.Streams ?? throw new ArgumentException("The tracker has no gates.", nameof(parts));
        _items = new NodeItems(parts, _table, () => IsConfirmed, (from, item) => _inbox!.Add(from, item), Wake);
        var calls = new StoreCalls(parts.Clock, Wake);
        _shards = new NodeShards(parts, _table, _items.Send, () => Router.Count, calls, Wake);
        _data = new NodeData(parts, _table, _shards.Ownership, _shards.Homes);
        _poll = new StorePoll(parts, _table, _data.SwitchTo, calls);
        _membership = new NodeMembership(parts, _poll, _shards.Leave, NoteJoined, calls);
        _events = new LifecycleEvents(parts);
        _eviction = new EvictionCall(parts, calls, _events.NoteEviction);
        _closes = new StreamCloses(_self, parts.Tracker.Shards!, streams, _shards.Ownership.Note, _items.TryQueue);
        parts.Services.SwitchedOn += parts.Tracker.Reconsider;
        var watched = new WatchedSet(parts.Hub.NeedsUsers);
        parts.Hub.WatchedChanged += watched.Note;
        _sender = new StatusSender(parts, watched, _shards.Homes.ListDelivered);
        _inbox = new NodeInbox(parts, _table, _shards.Ownership, _closes, _shards.Nodes, watched, Wake);
        _reader = new StatusReader(parts, _membership, _shards, _poll, _items, calls, _contacts);
        _status = new TakenStatus(_reader.Read(parts.View.Current, isReady: false, end: null), parts.Clock.Now);
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
    public UserRouter Router => _items.Router;

    /// <summary>The shares of quotas that this node has borrowed: the limits of its <see cref="QuotaLimiter"/>.</summary>
    public QuotaBorrower Quotas => _shards.Homes.Borrower;

    /// <summary>Whether the node may answer calls that depend on its sessions.</summary>
    public bool IsConfirmed => _parts.Confirmation.IsConfirmed(_parts.Clock.Now);

    /// <summary>
    /// Whether the node should get calls: it has opened every shard that was to be its own after it joined, its clock is right, and it
    /// neither leaves nor has ended. Later moves of shards do not change this, because a call for a shard that moves waits for it. Safe
    /// from any thread.
    /// </summary>
    public bool IsReady => _shards.HasOpened && _poll.Clock.IsTolerable && !_shards.Leave.IsRequested && End is null;

    /// <summary>
    /// Says what is wrong with the clock of this node, which is not ready then; null if the clock is at most
    /// <see cref="Limits.ClockDifference"/> from the store's. Safe from any thread.
    /// </summary>
    public string? ClockProblem => _poll.Clock.Problem;

    /// <summary>
    /// How far the clock of this node is ahead of the store's at least; negative if it is behind. As at the last poll that was answered.
    /// Safe from any thread.
    /// </summary>
    public TimeSpan ClockAhead => _poll.Clock.Ahead;

    /// <summary>How the node has ended; null while it has not. Safe from any thread.</summary>
    public NodeEnd? End => _end;

    /// <summary>The data that this node knows; default before its first poll.</summary>
    public DataIdentity Data => _parts.Gates.Data;

    /// <summary>The holders of the shards, as this node knows them.</summary>
    public ShardTable Table => _table;

    /// <summary>
    /// Returns what an operator should know of the node, as the loop has taken it at most <see cref="Limits.NodeReadInterval"/> ago, and
    /// in each step that had events. Safe from any thread. Calls nothing, so it answers also when the loop is stuck.
    /// </summary>
    public ClusterNodeStatus ReadStatus()
    {
        var (status, takenAt) = _status;
        return status with { Age = _parts.Clock.Now - takenAt };
    }

    /// <summary>
    /// Makes the node give all its shards to others, and then leave, which takes a few seconds. It ends at most
    /// <see cref="Limits.LeaveTime"/> later, with the next step, whatever the store and the others do. So a host that stops goes on calling
    /// <see cref="Step"/> until <see cref="Ended"/>, and needs more stop time than that: 25 s, and what it drains besides.
    /// </summary>
    public void Leave()
    {
        _shards.Leave.Request();
        Wake();
    }

    /// <summary>
    /// Makes the next step end the node, because a part of the process that it needs has failed: what waits would wait without limit, and
    /// the others would leave the shards here. Safe from any thread.
    /// </summary>
    /// <param name="detail">One line for the log, without identities.</param>
    public void Fail(string detail)
    {
        _failure = new NodeEnd(NodeEndReason.Faulted, detail);
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
            _items.Receive(_self, new CloseStreamItem(stream.Id, byClient && stream.EndSessionsOnClose));
    }

    /// <summary>Takes a message from another node.</summary>
    public void Receive(NodeId from, NodeMessage message)
    {
        if (End is not null)
            return;
        var now = _parts.Clock.Now;
        _contacts.Note(from, now);
        if (_items.Receive(from, message, now) || _parts.Confirmation.Receive(from, message, now))
            return;
        if (message is SharedQuotaMessage quotas)
        {
            _shards.Homes.Receive(quotas);
            return;
        }
        if (message is CommitHint hint)
        {
            _data.Take(hint);
            return;
        }
        _inbox.Add(from, message);
    }

    /// <summary>
    /// Does everything that is due. Returns what has happened in the life of the node since the step before, in its order, to be logged;
    /// mostly nothing.
    /// </summary>
    public ImmutableArray<NodeEvent> Step()
    {
        if (End is not null)
            return [];
        var view = _parts.View.Current;
        if ((_failure ?? _membership.Step(view)) is { } end)
            Stop(end);
        else
            Advance(view);
        Observe(view);
        return _events.Take();
    }

    private void Advance(ClusterView view)
    {
        _inbox.Step();
        _eviction.Step(); // also of an earlier run of this node, before this one has joined
        if (_membership.HasJoined)
        {
            _poll.Step();
            if (_shards.Step(view, _poll))
                Stop(ClusterLeave.HasLeft);
        }
        if (_closes.Step(view, _parts.Clock.Now))
            Wake();
        _parts.Confirmation.Tick(_parts.Clock.Now);
        _sender.SendWatched(view);
        if (_sender.SendStatus(view, _shards.Leave.IsRequested, _poll.IsStoreAway))
        {
            _parts.Hints.Forget(view);
            _shards.Nodes.Forget(view);
            _contacts.Forget(view);
        }
        _items.Step(view);
    }

    private void NoteJoined()
    {
        _events.NoteJoined();
        Joined?.Invoke();
    }

    /// <summary>Adds the events of the step, and takes the status if there are any, or if it is due.</summary>
    private void Observe(ClusterView view)
    {
        var now = _parts.Clock.Now;
        var isDue = now - _status.TakenAt >= Limits.NodeReadInterval;
        if (End is { } end)
        {
            _events.NoteEnd(end);
        }
        else
        {
            _events.Compare(IsReady, _shards.Leave.IsRequested);
            if (isDue)
                _events.CompareShards();
        }
        if (isDue || _events.HasAny)
            _status = new TakenStatus(_reader.Read(view, IsReady, End), now);
    }

    private void Stop(NodeEnd end)
    {
        _end = end;
        try
        {
            _membership.Stop();
            _poll.Stop();
            _parts.Confirmation.Revoke();
            _parts.Hub.Drain();
            _shards.CloseAll();
        }
        finally
        {
            Router.Stop();
            Ended?.Invoke(end);
        }
    }

    private void Wake() => Woken?.Invoke();

    /// <summary>A status, and when it was taken.</summary>
    private sealed record TakenStatus(ClusterNodeStatus Status, TimeSpan TakenAt);
}
