using System.Collections.Immutable;
using System.Runtime.InteropServices;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Cluster.Routing;

/// <summary>
/// Brings the calls of this ingress to the owner of their shard: to the tracker of this node, or over a link. Safe from any thread.
/// </summary>
/// <remarks>
/// <list type="number">
/// <item>A call goes to the holder of its shard, as this node knows it.</item>
/// <item>While the shard has no holder, or this node is about to open it or gives it away, the call waits, for at most
/// <see cref="Limits.OwnerWait"/> in all.</item>
/// <item>A receiver that is not the owner names the holder that it knows. The call goes there if that is news, and waits otherwise.</item>
/// <item>A call that was sent and not answered goes to the next holder when the shard has one. Not a write: its outcome is unknown, and it
/// is never sent again.</item>
/// </list>
/// </remarks>
/// <param name="self">This node.</param>
/// <param name="table">The holders of the shards.</param>
/// <param name="gates">What this node holds.</param>
/// <param name="tracker">The sessions of the shards that this node holds.</param>
/// <param name="streams">The heartbeat streams that this node has met.</param>
/// <param name="clock">The clock of this node.</param>
/// <param name="isConfirmed">Whether this node may answer now.</param>
/// <param name="send">Sends an item to a node, this one included. Returns false if it cannot be sent.</param>
/// <param name="wake">Asks for a tick.</param>
public sealed class UserRouter(
    NodeId self,
    ShardTable table,
    ShardGates gates,
    PresenceTracker tracker,
    HeartbeatStreams streams,
    NodeClock clock,
    Func<bool> isConfirmed,
    SendItem send,
    Action wake)
{
    private readonly Lock _gate = new(); // guards the calls; nothing is called under it
    private readonly Dictionary<long, PendingCall> _calls = [];
    private readonly List<UnstoredBeat> _unstored = []; // heartbeats that this node has taken
    private long _lastCall;
    private bool _isStopped;

    /// <summary>The number of calls without a result.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _calls.Count;
        }
    }

    /// <summary>
    /// Handles a heartbeat, as <see cref="PresenceTracker.Beat"/> does. The result of one that another node handles comes through its task,
    /// also a rejection. Allocates nothing if the heartbeat is answered from the memory of this node.
    /// </summary>
    public HeartbeatResult Beat(CachedService service, in UserRef user, SessionId session, RoutedStream? stream)
    {
        var shard = Shard.Of(service.Sid, user.Identity);
        if (gates.IsOpen(shard))
        {
            var met = stream is null ? null : streams.Meet(stream.Id, stream.EndSessionsOnClose);
            var result = tracker.Beat(service, user, session, met);
            if (!result.IsMoved && result.Rejection is null)
                return result with { Stored = WhileConfirmed(result.Stored) };
            if (!result.IsMoved) // a rejection depends on sessions too: the end of one may not be stored
                return isConfirmed() ? result : new HeartbeatResult(Rejection: null, Task.FromException(PresenceErrors.OwnerUnavailable()));
        }
        return SubmitBeat(shard, service, user, session, stream);
    }

    /// <summary>Ends a session, as <see cref="PresenceTracker.EndSession"/> does.</summary>
    /// <param name="service">The service instance.</param>
    /// <param name="user">The user.</param>
    /// <param name="session">The session.</param>
    /// <param name="exists">
    /// Whether the user is known to exist. Otherwise the owner rejects the call with UserNotFound if it does not track the user.
    /// </param>
    public Task EndSession(CachedService service, in UserRef user, SessionId session, bool exists)
    {
        var shard = Shard.Of(service.Sid, user.Identity);
        var (sid, id, key) = (service.Sid, service.Id, user);
        return SubmitAsync(call => new EndSessionItem(call, shard, sid, id, key, session, exists));
    }

    /// <summary>
    /// Runs any other call at the owner of a shard, and returns its response. The caller has authorized and charged it before: the owner,
    /// which may be this node, charges it no more.
    /// </summary>
    /// <param name="shard">The shard.</param>
    /// <param name="kind">What the owner and the ingress must know of the call.</param>
    /// <param name="request">What <see cref="ICallExecutor"/> runs.</param>
    /// <param name="spendRows">
    /// Charges the rows that the owner read beyond those that each call is charged before (<see cref="Quotas.QuotaLimiter.SpendRows"/>).
    /// Called at most once, before the task completes. A call that fails charges none.
    /// </param>
    /// <exception cref="PresenceException">
    /// The error of the call; OwnerUnavailable: nothing has happened; OutcomeUnknown: a write may have happened.
    /// </exception>
    public Task<ReadOnlyMemory<byte>> CallAsync(
        Shard shard, RequestKind kind, ReadOnlyMemory<byte> request, Action<int> spendRows) =>
        SubmitAsync(call => new RequestItem(call, shard, request, kind), spendRows);

    /// <summary>Takes the result of a call.</summary>
    public void Receive(NodeId from, ResultItem item)
    {
        PendingCall? call;
        var isMoved = item.Result is CallResult.Moved;
        lock (_gate)
        {
            // The result of a node to which the call was sent before does not count: the call runs elsewhere.
            if (!_calls.TryGetValue(item.Call, out call) || call.SentTo != from)
                return;
            if (isMoved)
                call.SentTo = null;
            else
                _calls.Remove(item.Call);
        }
        switch (item.Result)
        {
            case CallResult.Done done:
                call.Complete(done.Response);
                break;
            case CallResult.Failed failed:
                call.Fail(failed.Error.ToException());
                break;
            case CallResult.Moved moved when table.Update(call.Item.Shard, moved.Holder):
                Route(call);
                break;
            case CallResult.Moved:
                Wait(call);
                break;
        }
    }

    /// <summary>A link has given up a call.</summary>
    public void Drop(NodeId to, CallItem item, DroppedItemOutcome outcome)
    {
        lock (_gate)
        {
            if (!_calls.TryGetValue(item.Call, out var call) || call.SentTo != to)
                return;
            if (outcome == DroppedItemOutcome.NotSent)
            {
                call.SentTo = null;
                Wait(call);
                return;
            }
        }
        FailSent(item.Call);
    }

    /// <summary>
    /// Routes the calls that wait, and fails those that have waited for too long, whose deadline has passed, or whose receiver is not in
    /// the view. To be called at least every 50 ms, and when a shard was opened or its holder became known.
    /// </summary>
    public void Tick(ClusterView view)
    {
        AnswerStored();
        var now = clock.Now;
        List<PendingCall> waiting = [];
        List<PendingCall> failed = [];
        lock (_gate)
        {
            foreach (var call in _calls.Values)
            {
                // The former holder may not answer any more.
                var isMoved = call.SentTo is { } former && !call.Item.IsWrite
                    && table[call.Item.Shard].Node is { } holder && holder != former;
                if (isMoved)
                    call.SentTo = null;
                var isOver = !isMoved && (call.SentTo is { } node ? !view.Contains(node) : now >= call.WaitsUntil);
                if (isOver || now >= call.Deadline)
                    failed.Add(call);
                else if (call.SentTo is null)
                    waiting.Add(call);
            }
        }
        foreach (var call in failed)
            FailSent(call.Item.Call);
        foreach (var call in waiting)
            Route(call);
    }

    /// <summary>Counts the calls and heartbeats without a result by what they wait for; most first.</summary>
    public ImmutableArray<CallWaitCount> ReadWaits()
    {
        var now = clock.Now;
        Dictionary<(CallWaitReason Reason, NodeId? Node), (int Count, TimeSpan Longest)> waits = [];
        lock (_gate)
        {
            foreach (var call in _calls.Values)
                Add(call.SentTo is { } node ? (CallWaitReason.Answer, node) : (CallWaitReason.Owner, null), call.Since);
            foreach (var beat in _unstored)
                Add((CallWaitReason.Commit, null), beat.Since);
        }
        return
        [
            .. waits.Select(wait => new CallWaitCount(wait.Key.Reason, wait.Key.Node, wait.Value.Count, wait.Value.Longest))
                .OrderByDescending(wait => wait.Count),
        ];

        void Add((CallWaitReason Reason, NodeId? Node) key, TimeSpan since)
        {
            ref var wait = ref CollectionsMarshal.GetValueRefOrAddDefault(waits, key, out _);
            wait = (wait.Count + 1, TimeSpan.FromTicks(Math.Max(wait.Longest.Ticks, (now - since).Ticks)));
        }
    }

    /// <summary>Fails every call and heartbeat, now and from now on, because the node has ended.</summary>
    public void Stop()
    {
        long[] calls;
        TaskCompletionSource[] unstored;
        lock (_gate)
        {
            _isStopped = true;
            calls = [.. _calls.Keys];
            unstored = [.. _unstored.Select(waiting => waiting.Answer)];
            _unstored.Clear();
        }
        foreach (var call in calls)
            FailSent(call);
        // No step answers them any more. Whether they are stored makes no difference: a node that has ended is not confirmed.
        foreach (var answer in unstored)
            Fail(answer, PresenceErrors.OwnerUnavailable());
    }

    // Not in Beat: what the function captures would be allocated for each heartbeat, also for those that this node answers.
    private HeartbeatResult SubmitBeat(Shard shard, CachedService service, UserRef user, SessionId session, RoutedStream? stream) =>
        new(Rejection: null, SubmitAsync(call => new HeartbeatItem(call, shard, service.Sid, service.Id, user, session, stream)));

    private Task<ReadOnlyMemory<byte>> SubmitAsync(Func<long, CallItem> create, Action<int>? spendRows = null)
    {
        PendingCall call;
        lock (_gate)
        {
            if (_isStopped)
                return Task.FromException<ReadOnlyMemory<byte>>(PresenceErrors.OwnerUnavailable());
            call = new PendingCall(create(++_lastCall), clock.Now, spendRows);
            _calls.Add(call.Item.Call, call);
        }
        Route(call);
        return call.Completion;
    }

    private void Route(PendingCall call)
    {
        var shard = call.Item.Shard;
        var target = table[shard].Node;
        if (target is not { } node || (node == self && !gates.IsOpen(shard)))
        {
            Wait(call);
            return;
        }
        lock (_gate)
        {
            if (call.SentTo is not null || !_calls.ContainsKey(call.Item.Call))
                return;
            call.SentTo = node;
        }
        if (send(node, call.Item, call.Deadline))
            return;
        lock (_gate)
            call.SentTo = null;
        Wait(call);
    }

    private void Wait(PendingCall call)
    {
        lock (_gate)
            call.WaitsUntil ??= clock.Now + Limits.OwnerWait;
    }

    private void FailSent(long number)
    {
        PendingCall? call;
        lock (_gate)
        {
            if (!_calls.Remove(number, out call))
                return;
        }
        call.Fail(call.SentTo is not null && call.Item.IsWrite ? PresenceErrors.OutcomeUnknown() : PresenceErrors.OwnerUnavailable());
    }

    /// <summary>
    /// Returns the task that the client waits for. It completes only if this node is confirmed when the answer is given.
    /// </summary>
    private Task WhileConfirmed(Task stored)
    {
        if (stored.IsCompleted)
            return isConfirmed() || !stored.IsCompletedSuccessfully ? stored : Task.FromException(PresenceErrors.OwnerUnavailable());
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_isStopped)
                return Task.FromException(PresenceErrors.OwnerUnavailable());
            _unstored.Add(new UnstoredBeat(stored, answer, clock.Now));
        }
        stored.ContinueWith(
            static (_, wake) => ((Action)wake!)(), wake, CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return answer.Task;
    }

    private void AnswerStored()
    {
        List<UnstoredBeat> stored = [];
        lock (_gate)
        {
            _unstored.RemoveAll(waiting =>
            {
                if (waiting.Stored.IsCompleted)
                    stored.Add(waiting);
                return waiting.Stored.IsCompleted;
            });
        }
        foreach (var (task, answer, _) in stored)
        {
            if (task.IsCompletedSuccessfully && isConfirmed())
            {
                answer.TrySetResult();
                continue;
            }
            Fail(answer, task.Exception?.InnerException ?? PresenceErrors.OwnerUnavailable());
        }
    }

    private static void Fail(TaskCompletionSource answer, Exception error)
    {
        answer.TrySetException(error);
        _ = answer.Task.Exception; // observed: the client may be gone
    }

    /// <summary>A heartbeat that this node has taken, and whose answer waits for a commit.</summary>
    private readonly record struct UnstoredBeat(Task Stored, TaskCompletionSource Answer, TimeSpan Since);
}

/// <summary>Sends an item to a node. Returns false, and does nothing, if it cannot be sent.</summary>
/// <param name="to">The receiver.</param>
/// <param name="item">The item.</param>
/// <param name="deadline">The time of the clock of this node from which the item is not sent any more.</param>
public delegate bool SendItem(NodeId to, LinkItem item, TimeSpan deadline);
