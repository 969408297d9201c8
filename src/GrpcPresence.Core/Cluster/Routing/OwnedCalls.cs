using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Shards;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Cluster.Routing;

/// <summary>
/// Runs the calls of other nodes for the shards that this node owns, and sends the results. Safe from any thread.
/// </summary>
/// <remarks>
/// Calls run in the order in which a link brings them, except that a call waits if its service instance is not cached, and all later ones
/// of that service instance wait behind it. The same holds if the ingress knows a later service instance with the SID than is cached here.
/// A result is sent when the call is complete. One that depends on sessions, also a rejection, is sent only while this node is confirmed;
/// otherwise the client gets OwnerUnavailable.
/// </remarks>
internal sealed class OwnedCalls(
    PresenceTracker tracker,
    HeartbeatStreams streams,
    ServiceCache services,
    ICallExecutor executor,
    ShardTable table,
    Func<bool> isConfirmed,
    Action<NodeId, LinkItem> send,
    Action wake)
{
    private readonly Lock _gate = new(); // guards both collections; nothing is called under it
    private readonly List<Running> _running = [];
    private readonly Dictionary<ServiceSid, Loading> _loading = [];

    /// <summary>The number of calls without a result.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _running.Count + _loading.Values.Sum(loading => loading.Calls.Count);
        }
    }

    /// <summary>Runs a call.</summary>
    public void Receive(NodeId from, CallItem call)
    {
        var named = call switch
        {
            HeartbeatItem heartbeat => (heartbeat.Service, heartbeat.ServiceId),
            EndSessionItem end => (end.Service, end.ServiceId),
            _ => default((ServiceSid Sid, long Id)?),
        };
        if (named is not { } service)
        {
            Run(from, call, service: null);
            return;
        }
        CachedService? cached;
        lock (_gate)
        {
            if (_loading.TryGetValue(service.Sid, out var loading))
            {
                loading.Calls.Enqueue(new Waiting(from, call, service.Id, IsReadSince: false));
                return;
            }
            cached = services.FindCached(service.Sid);
            if (cached is null || cached.Id < service.Id)
            {
                loading = new Loading(services.GetAsync(service.Sid, service.Id, CancellationToken.None).AsTask());
                loading.Calls.Enqueue(new Waiting(from, call, service.Id, IsReadSince: true));
                _loading.Add(service.Sid, loading);
                WakeAfter(loading.Service);
                return;
            }
        }
        Run(from, call, cached);
    }

    /// <summary>Runs the calls whose service instance was read, and sends the results of complete calls.</summary>
    public void Flush()
    {
        while (TakeLoaded() is ({ } loading, var sid))
        {
            while (loading.Calls.TryDequeue(out var waiting) && !ReadAgain(sid, loading, waiting))
            {
                if (loading.Service.IsCompletedSuccessfully)
                    Run(waiting.From, waiting.Call, loading.Service.Result);
                else
                    Send(waiting.From, waiting.Call, ResultOf(loading.Service));
            }
        }
        List<Running> complete = [];
        lock (_gate)
        {
            _running.RemoveAll(running =>
            {
                var isComplete = running.End.IsCompleted;
                if (isComplete)
                    complete.Add(running);
                return isComplete;
            });
        }
        foreach (var running in complete)
            Send(running.From, running.Call, ResultOf(running.End.Outcome));
    }

    /// <summary>
    /// Takes the calls of a service instance that was read. While they run, later ones still wait, so that they do not overtake them.
    /// </summary>
    private (Loading? Loading, ServiceSid Sid) TakeLoaded()
    {
        lock (_gate)
        {
            foreach (var (sid, loading) in _loading)
            {
                if (!loading.Service.IsCompleted)
                    continue;
                if (loading.Calls.Count == 0)
                {
                    _loading.Remove(sid);
                    continue;
                }
                _loading[sid] = new Loading(loading.Service);
                return (loading, sid);
            }
            return default;
        }
    }

    /// <summary>
    /// Reads the service instance again, if the ingress of a call knows a later one than the read has found, and the read began before the
    /// call came. This call, and those behind it, wait for that. A call waits for one such read.
    /// </summary>
    private bool ReadAgain(ServiceSid sid, Loading loading, Waiting call)
    {
        var isKnown = loading.Service.IsCompletedSuccessfully
            ? loading.Service.Result.Id >= call.ServiceId
            : loading.Service.Exception?.InnerException is not PresenceException { Reason: ErrorReason.ServiceInstanceNotFound };
        if (call.IsReadSince || isKnown)
            return false;
        var again = new Loading(services.GetAsync(sid, call.ServiceId, CancellationToken.None).AsTask());
        lock (_gate)
        {
            foreach (var waiting in loading.Calls.Prepend(call))
                again.Calls.Enqueue(waiting with { IsReadSince = true });
            foreach (var later in _loading[sid].Calls)
                again.Calls.Enqueue(later);
            _loading[sid] = again;
        }
        loading.Calls.Clear();
        WakeAfter(again.Service);
        return true;
    }

    private void Run(NodeId from, CallItem call, CachedService? service)
    {
        var end = call switch
        {
            HeartbeatItem heartbeat => new SessionEnd(BeatAsync(service!, heartbeat)),
            EndSessionItem item => End(service!, item),
            RequestItem request => new SessionEnd(executor.ExecuteAsync(request.Shard, request.Request, isCharged: true)),
            _ => throw new ArgumentOutOfRangeException(nameof(call), call, "The call is of an unknown kind."),
        };
        if (end.IsCompleted)
        {
            Send(from, call, ResultOf(end.Outcome));
            return;
        }
        lock (_gate)
            _running.Add(new Running(from, call, end));
        WakeAfter(end.Remembered);
        WakeAfter(end.Offline);
    }

    private Task BeatAsync(CachedService service, HeartbeatItem call)
    {
        if (service.Id != call.ServiceId)
            return Task.FromException(PresenceErrors.ServiceInstanceNotFound(call.Service));
        var met = call.Stream is { } stream ? streams.Meet(stream.Id, stream.EndSessionsOnClose) : null;
        return tracker.Beat(service, call.User, call.Session, met).ToTask(call.Service, call.User);
    }

    private SessionEnd End(CachedService service, EndSessionItem call) => service.Id == call.ServiceId
        ? tracker.BeginEnd(service, call.User, call.Session, call.Exists)
        : new SessionEnd(Task.FromException(PresenceErrors.ServiceInstanceNotFound(call.Service)));

    private void Send(NodeId to, CallItem call, CallResult? result)
    {
        // The clock is read here, when the answer is written. A rejection depends on sessions too: the end of one may not be stored.
        if (call.DependsOnSessions && result is not null && !isConfirmed())
            result = new CallResult.Failed(CallError.Of(PresenceErrors.OwnerUnavailable()));
        send(to, new ResultItem(call.Call, result ?? new CallResult.Moved(table[call.Shard])));
    }

    /// <summary>Returns the result of a complete call; null if this node does not own the shard.</summary>
    private static CallResult? ResultOf(Task task) => task switch
    {
        Task<CallResponse> { IsCompletedSuccessfully: true } request => new CallResult.Done(request.Result),
        { IsCompletedSuccessfully: true } => CallResult.Done.Empty,
        { Exception.InnerException: ShardMovedException } => null,
        { Exception.InnerException: PresenceException error } => new CallResult.Failed(CallError.Of(error)),
        _ => new CallResult.Failed(CallError.Of(new PresenceException(ErrorReason.Internal, "The call failed."))),
    };

    private void WakeAfter(Task task) => task.ContinueWith(
        static (_, wake) => ((Action)wake!)(), wake, CancellationToken.None,
        TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    private sealed record Running(NodeId From, CallItem Call, SessionEnd End);

    private sealed record Loading(Task<CachedService> Service)
    {
        public Queue<Waiting> Calls { get; } = new();
    }

    /// <summary>A call that waits until its service instance is read.</summary>
    /// <param name="From">The ingress.</param>
    /// <param name="Call">The call.</param>
    /// <param name="ServiceId">The key of the service instance that the ingress knows.</param>
    /// <param name="IsReadSince">Whether the read began after the call came, so that it shows what the ingress knew.</param>
    private sealed record Waiting(NodeId From, CallItem Call, long ServiceId, bool IsReadSince);
}
