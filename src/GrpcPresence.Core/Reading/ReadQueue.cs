using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Quotas;

namespace GrpcPresence.Core.Reading;

/// <summary>
/// The reads that wait for one of the threads that read the store. The algorithm:
/// <list type="number">
/// <item>Tenants take turns. In the turn of a tenant, one read of one of its callers is taken, and the callers take turns too. So a tenant
/// waits for at most one read of each other tenant, however many these have queued.</item>
/// <item>A tenant, and a caller, has at most so many reads in progress. So one tenant never occupies all threads.</item>
/// <item>Each read is bounded: a page of rows, or the keys of one request.</item>
/// <item>A read of a store in this process occupies its thread until it ends. A read that waits for another process frees its thread, and
/// counts as in progress until its result is there.</item>
/// </list>
/// The number of waiting reads is bounded outside: by the quota of concurrent reads, and by the quota of open streams, because a watch
/// reads one page after the other. Safe from any thread.
/// </summary>
/// <param name="total">The maximum number of reads in progress.</param>
/// <param name="perTenant">The maximum number of a tenant's reads in progress.</param>
/// <param name="perCaller">The maximum number of a caller's reads in progress in one tenant.</param>
public sealed class ReadQueue(int total, int perTenant, int perCaller)
{
    // Guards all fields, and signals the threads that wait in Take. Innermost lock: no read runs, starts or completes under it.
    private readonly object _gate = new();
    private readonly Dictionary<ServiceSid, Tenant> _tenants = [];
    private readonly Queue<Tenant> _turns = new(); // tenants that may have a read to take; checked when their turn comes
    private int _running;
    private int _withoutThread; // of the running reads, those that wait for another process
    private int _waiting;
    private bool _isClosed;

    /// <summary>The number of waiting reads.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _waiting;
        }
    }

    /// <summary>Queues the read and returns its result. A read whose token is cancelled leaves the queue at once.</summary>
    /// <exception cref="StorageException">The queue is closed.</exception>
    public async ValueTask<TResult> RunAsync<TResult>(
        ReadOwner owner, Func<ValueTask<TResult>> read, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var pending = new PendingRead<TResult>(owner, read);
        Add(pending);
        using var registration = cancellationToken.UnsafeRegister(
            static (state, token) =>
            {
                var (queue, waiting) = ((ReadQueue, PendingRead))state!;
                queue.Cancel(waiting, token);
            },
            (this, (PendingRead)pending));
        return await pending.Completion.ConfigureAwait(false);
    }

    /// <summary>
    /// Runs reads on the calling thread until <see cref="Close"/>, and until the reads in progress have ended: after its threads, nobody
    /// uses the store. For a store in this process, call it from as many threads as there may be reads in progress.
    /// </summary>
    public void Work()
    {
        while (Take() is { } read)
        {
            var task = read.RunAsync();
            if (task.IsCompleted)
            {
                Finish(read);
                continue;
            }
            lock (_gate)
                _withoutThread++;
            _ = FinishAsync(task, read);
        }
    }

    /// <summary>Fails the waiting reads, and ends <see cref="Work"/> on all threads when the reads in progress have ended.</summary>
    public void Close()
    {
        List<PendingRead> waiting = [];
        lock (_gate)
        {
            _isClosed = true;
            foreach (var caller in _tenants.Values.SelectMany(tenant => tenant.Callers.Values))
            {
                waiting.AddRange(caller.Waiting);
                caller.Waiting.Clear();
            }
            _waiting = 0;
            foreach (var read in waiting)
                read.Place = null;
            Monitor.PulseAll(_gate);
        }
        foreach (var read in waiting)
            read.Fail(Closed());
    }

    private static StorageException Closed() => new("The store is closed.");

    private void Add(PendingRead read)
    {
        lock (_gate)
        {
            if (_isClosed)
                throw Closed();
            var caller = FindOrAdd(read.Owner);
            read.Place = caller.Waiting.AddLast(read);
            _waiting++;
            Schedule(caller);
            Monitor.Pulse(_gate);
        }
    }

    private void Cancel(PendingRead read, CancellationToken token)
    {
        lock (_gate)
        {
            if (read.Place is not { } place)
                return; // taken: its result comes within a moment
            read.Place = null;
            _waiting--;
            place.List!.Remove(place);
        }
        read.Fail(new OperationCanceledException(token));
    }

    private PendingRead? Take()
    {
        lock (_gate)
        {
            while (true)
            {
                if (_isClosed && _withoutThread == 0)
                    return null;
                if (!_isClosed && _running < total && TryTake() is { } read)
                    return read;
                Monitor.Wait(_gate);
            }
        }
    }

    private PendingRead? TryTake()
    {
        while (_turns.TryDequeue(out var tenant))
        {
            tenant.HasTurn = false;
            while (tenant.Turns.TryDequeue(out var caller))
            {
                caller.HasTurn = false;
                if (caller.Waiting.First is not { Value: var read })
                {
                    Forget(caller); // its reads were cancelled
                    continue;
                }
                caller.Waiting.RemoveFirst();
                read.Place = null;
                _waiting--;
                _running++;
                tenant.Running++;
                caller.Running++;
                Schedule(caller);
                return read;
            }
        }
        return null;
    }

    private async Task FinishAsync(Task reading, PendingRead read)
    {
        await reading.ConfigureAwait(false);
        Finish(read);
        lock (_gate)
        {
            _withoutThread--;
            Monitor.PulseAll(_gate); // one thread for the next read, or all if this was what the closed queue waited for
        }
    }

    private void Finish(PendingRead read)
    {
        lock (_gate)
        {
            var caller = FindOrAdd(read.Owner);
            _running--;
            caller.Tenant.Running--;
            caller.Running--;
            Schedule(caller);
            Forget(caller);
        }
    }

    /// <summary>Gives the caller and its tenant a turn if they have a read that may start.</summary>
    private void Schedule(Caller caller)
    {
        if (!caller.HasTurn && caller.Waiting.Count > 0 && caller.Running < perCaller)
        {
            caller.HasTurn = true;
            caller.Tenant.Turns.Enqueue(caller);
        }
        var tenant = caller.Tenant;
        if (tenant.HasTurn || tenant.Turns.Count == 0 || tenant.Running >= perTenant)
            return;
        tenant.HasTurn = true;
        _turns.Enqueue(tenant);
    }

    private Caller FindOrAdd(ReadOwner owner)
    {
        if (!_tenants.TryGetValue(owner.Tenant, out var tenant))
            _tenants.Add(owner.Tenant, tenant = new Tenant(owner.Tenant));
        if (!tenant.Callers.TryGetValue(owner.CallerKey, out var caller))
            tenant.Callers.Add(owner.CallerKey, caller = new Caller(tenant, owner.CallerKey));
        return caller;
    }

    /// <summary>Removes a caller, and its tenant, that has no reads and no turn, so that memory holds only those that do.</summary>
    private void Forget(Caller caller)
    {
        if (caller is not { Waiting.Count: 0, Running: 0, HasTurn: false })
            return;
        caller.Tenant.Callers.Remove(caller.Key);
        if (caller.Tenant is { Callers.Count: 0, HasTurn: false })
            _tenants.Remove(caller.Tenant.Sid);
    }

    /// <summary>A tenant with reads.</summary>
    private sealed class Tenant(ServiceSid sid)
    {
        public ServiceSid Sid => sid;

        public Dictionary<QuotaKey, Caller> Callers { get; } = [];

        public Queue<Caller> Turns { get; } = new();

        public bool HasTurn { get; set; }

        public int Running { get; set; }
    }

    /// <summary>A caller with reads in one tenant.</summary>
    private sealed class Caller(Tenant tenant, QuotaKey key)
    {
        public Tenant Tenant => tenant;

        public QuotaKey Key => key;

        public LinkedList<PendingRead> Waiting { get; } = new();

        public bool HasTurn { get; set; }

        public int Running { get; set; }
    }
}
