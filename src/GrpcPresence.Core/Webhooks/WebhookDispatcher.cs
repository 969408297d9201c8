using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Threading;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Webhooks;

/// <summary>
/// Delivers user events to webhook endpoints at least once, and in the end the newest state of every user. It owns the delivery loops: one
/// for each service instance with a URL. Safe from any thread.
/// </summary>
/// <remarks>
/// <para>
/// A commit only wakes a loop, and the loop delivers what the store holds. So this class does not assume that this process writes all
/// revisions: <see cref="Wake"/> announces those of other nodes.
/// </para>
/// <para>
/// In a cluster, one node at a time delivers for a service instance: the holder of its home shard. A planned move drains the loops of the
/// shard before the switch (<see cref="DrainHomeAsync"/>), so that the next holder begins after the last request and from its position.
/// A node that loses the shard otherwise stops at once (<see cref="CloseHome"/>); a request that was sent before may still arrive after
/// those of the next holder.
/// </para>
/// </remarks>
/// <param name="store">The store.</param>
/// <param name="queue">Takes the positions to store.</param>
/// <param name="sender">Sends one event.</param>
/// <param name="status">Receives unexpected exceptions.</param>
/// <param name="metrics">The metrics.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Varies pauses.</param>
/// <param name="isConfirmed">
/// Whether no other node can have taken the shards of this one. This process then delivers only for service instances whose home shard it
/// was given by <see cref="OpenHome"/>, and starts a request only while this returns true. Null outside of a cluster.
/// </param>
public sealed class WebhookDispatcher(
    IStoreReader store,
    CommandQueue queue,
    IWebhookSender sender,
    StorageStatus status,
    PresenceMetrics metrics,
    TimeProvider time,
    Random random,
    Func<bool>? isConfirmed = null)
    : ICommitPublisher, IDisposable
{
    // Guards the maps, the set and the flag. A loop may be woken or asked for its lag under it, which takes no other lock. No I/O, await or
    // log happens under it.
    private readonly Lock _gate = new();
    private readonly Dictionary<ServiceSid, RunningLoop> _loops = [];
    private readonly List<(ServiceSid Service, RunningLoop Running)> _ending = []; // loops without an entry above that have not ended
    private readonly HashSet<Shard> _homes = []; // those that this node holds; unused without a cluster
    private readonly AsyncAutoResetEvent _opened = new();
    private readonly Resumption _resumption = new(resume: null);
    private readonly CircuitBreakers _breakers = new(random, time);
    private readonly IWebhookSender _sender = isConfirmed is null ? sender : new ConfirmedSender(sender, isConfirmed);
    private readonly CancellationTokenSource _stop = new();
    private Task _starting = Task.CompletedTask; // the loops of opened homes
    private bool _isRunning;

    /// <summary>Raised, by any thread, when the events of a user are given up because the endpoint kept failing them.</summary>
    public event Action<ServiceSid, UserSid>? GivenUp;

    /// <summary>The number of circuit breakers that are open or half-open.</summary>
    public int OpenCircuits => _breakers.OpenCount;

    /// <summary>How many revisions the slowest endpoint is behind.</summary>
    public long Lag
    {
        get
        {
            lock (_gate)
                return _loops.Values.Select(running => running.Loop.Lag).DefaultIfEmpty().Max();
        }
    }

    /// <summary>The service instances with a delivery loop, whose commits on other nodes must reach <see cref="Wake"/>.</summary>
    public IReadOnlyList<ServiceSid> Services
    {
        get
        {
            lock (_gate)
                return [.. _loops.Keys];
        }
    }

    /// <summary>The requests of one service instance at once.</summary>
    internal int RequestsAtOnce { get; init; } = Limits.WebhooksAtOnce;

    /// <summary>
    /// Takes what starts a loop or lets it continue, and runs it later on one thread; null for the thread pool. See
    /// <see cref="Resumption"/>. To be set before the start.
    /// </summary>
    internal Action<Action>? Resume
    {
        init
        {
            _resumption = new Resumption(value);
            _opened = _resumption.CreateEvent();
        }
    }

    /// <summary>
    /// Starts a loop for every endpoint in the store. In a cluster, starts those of opened homes in the background, and does not throw.
    /// </summary>
    /// <exception cref="StorageException">The store cannot be read.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _isRunning = true;
            if (isConfirmed is not null)
                _starting = _resumption.Start(() => StartOpenedAsync(_stop.Token));
        }
        if (isConfirmed is null)
            await StartLoopsAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Cancels all requests and waits until every loop has ended. Call it before the command queue is closed, so that loops can store
    /// positions.
    /// </summary>
    public async Task StopAsync()
    {
        Task[] ended;
        lock (_gate)
        {
            _isRunning = false;
            ended = [.. _loops.Values.Select(running => running.Ended), .. _ending.Select(ending => ending.Running.Ended), _starting];
        }
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(ended).ConfigureAwait(false);
    }

    /// <summary>
    /// Starts the loops of the service instances with this home shard, once the store can be read. Call it after the store has made this
    /// node the holder. Only in a cluster.
    /// </summary>
    public void OpenHome(Shard shard)
    {
        lock (_gate)
            _homes.Add(shard);
        _opened.Set();
    }

    /// <summary>
    /// Ends the loops of a home shard before a planned move. Starts no further request, and waits for those in flight and for the
    /// positions, at most <see cref="Limits.WebhookDrain"/>. Then it cancels the requests that are left; the next holder sends their events
    /// again. Call it while the shard is open, so that slow endpoints do not delay calls, and release the shard when it has completed. Does
    /// not throw.
    /// </summary>
    public async Task DrainHomeAsync(Shard shard)
    {
        var drained = Remove(shard);
        foreach (var running in drained)
            running.Loop.Drain();
        try
        {
            var ended = Task.WhenAll(drained.Select(running => running.Ended)).WaitAsync(Limits.WebhookDrain, time);
            await _resumption.After(ended).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            foreach (var running in drained)
                running.Cancel();
        }
    }

    /// <summary>
    /// Ends the loops of a home shard at once, because this node does not hold it any more. Cancels their requests. No position is stored
    /// after this returns, except one that is queued already, which the store rejects by the shard's epoch.
    /// </summary>
    public void CloseHome(Shard shard)
    {
        foreach (var running in Remove(shard))
            running.Cancel();
    }

    /// <summary>Announces a commit of another node. A commit whose announcement is lost is delivered with the next one.</summary>
    /// <param name="service">The service instance.</param>
    /// <param name="revision">Its last revision.</param>
    public void Wake(ServiceSid service, long revision)
    {
        lock (_gate)
        {
            if (_loops.TryGetValue(service, out var running))
                running.Loop.Wake(revision);
        }
    }

    /// <summary>Makes every loop continue from its stored position, because the data of the store went back.</summary>
    public void ForgetProgress()
    {
        lock (_gate)
        {
            foreach (var running in _loops.Values)
                running.Loop.ForgetProgress();
        }
    }

    /// <summary>Applies a committed change of the webhook settings of a service instance.</summary>
    public void Apply(ServiceSid service)
    {
        lock (_gate)
        {
            if (_loops.TryGetValue(service, out var running))
                running.Loop.Reload();
            else
                TryStart(service);
        }
    }

    /// <summary>
    /// Applies changes of the webhook settings by other nodes, which may concern any service instance. Starts the missing loops.
    /// </summary>
    /// <exception cref="StorageException">The store cannot be read.</exception>
    public async Task ReloadAsync(CancellationToken cancellationToken)
    {
        var stored = await store.ListWebhooksAsync(cancellationToken).ConfigureAwait(false);
        ServiceSid[] running;
        lock (_gate)
            running = [.. _loops.Keys];
        foreach (var service in stored.Select(webhook => webhook.ServiceSid).Union(running))
            Apply(service);
    }

    /// <inheritdoc/>
    public bool NeedsUsers(ServiceSid service) => false;

    /// <inheritdoc/>
    public void Publish(IReadOnlyList<ServiceCommit> commits)
    {
        lock (_gate)
        {
            if (_loops.Count == 0)
                return;
            foreach (var commit in commits)
            {
                if (!_loops.TryGetValue(commit.Service.Sid, out var running))
                    continue;
                running.Loop.Wake(commit.LastRevision);
                if (commit.IsDeleted)
                    running.Loop.Reload();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel(); // a server that failed to start disposes without StopAsync
        _stop.Dispose();
    }

    /// <summary>Starts the loops of homes that were opened. Tries again while the store cannot be read.</summary>
    private async Task StartOpenedAsync(CancellationToken stop)
    {
        var errors = 0;
        using var retry = time.CreateTimer(
            static signal => ((AsyncAutoResetEvent)signal!).Set(), _opened, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        try
        {
            while (true)
            {
                await _opened.WaitAsync(stop).ConfigureAwait(false);
                try
                {
                    await StartLoopsAsync(stop).ConfigureAwait(false);
                    errors = 0;
                }
                catch (StorageException)
                {
                    retry.Change(_breakers.Backoff.After(++errors), Timeout.InfiniteTimeSpan);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    private async Task StartLoopsAsync(CancellationToken cancellationToken)
    {
        foreach (var webhook in await store.ListWebhooksAsync(cancellationToken).ConfigureAwait(false))
        {
            lock (_gate)
                TryStart(webhook.ServiceSid);
        }
    }

    /// <summary>Starts a loop unless there is one, or another node delivers. Called under the lock.</summary>
    private void TryStart(ServiceSid service)
    {
        if (!_isRunning || _loops.ContainsKey(service) || (isConfirmed is not null && !_homes.Contains(Shard.Of(service))))
            return;
        var loop = CreateLoop(service);
        var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        // Two loops of a service instance would send events of one user at the same time.
        var before = _resumption.After(
            Task.WhenAll(_ending.Where(ending => ending.Service == service).Select(ending => ending.Running.Ended)));
        _loops[service] = new RunningLoop(loop, stop, _resumption.Start(() => RunAsync(loop, stop, before)));
    }

    private static async Task RunAsync(DeliveryLoop loop, CancellationTokenSource stop, Task before)
    {
        using (stop)
        {
            await before.ConfigureAwait(false);
            await loop.RunAsync(stop.Token).ConfigureAwait(false);
        }
    }

    private DeliveryLoop CreateLoop(ServiceSid service)
    {
        var wake = _resumption.CreateEvent();
        var backoff = _breakers.Backoff;
        var endpoint = new WebhookEndpoint(_sender, _breakers, metrics, wake, RequestsAtOnce);
        var pass = new DeliveryPass(service, endpoint, store, queue, _resumption, backoff, time, (sid, user) => GivenUp?.Invoke(sid, user));
        return new DeliveryLoop(pass, endpoint, wake, backoff, status, time, loop => TryRemove(service, loop));
    }

    private bool TryRemove(ServiceSid service, DeliveryLoop loop)
    {
        lock (_gate)
        {
            if (loop.IsWoken)
                return false;
            if (_loops.TryGetValue(service, out var running) && running.Loop == loop)
                _loops.Remove(service);
            return true;
        }
    }

    /// <summary>
    /// Removes the loops of a home shard from the map, and starts no others for it. Returns all that have not ended, also those that were
    /// removed before: a move may begin again while a request of the first attempt is in flight.
    /// </summary>
    private List<RunningLoop> Remove(Shard shard)
    {
        lock (_gate)
        {
            _homes.Remove(shard);
            foreach (var (service, running) in _loops.Where(entry => Shard.Of(entry.Key) == shard).ToList())
            {
                _loops.Remove(service);
                _ending.Add((service, running));
                _ = ForgetEndedAsync(running);
            }
            return [.. _ending.Where(ending => Shard.Of(ending.Service) == shard).Select(ending => ending.Running)];
        }
    }

    private async Task ForgetEndedAsync(RunningLoop running)
    {
        await running.Ended.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // not under the lock of the caller
        lock (_gate)
            _ending.RemoveAll(ending => ending.Running == running);
    }

    /// <summary>A delivery loop, and the task that runs it.</summary>
    private sealed record RunningLoop(DeliveryLoop Loop, CancellationTokenSource Stop, Task Ended)
    {
        /// <summary>Ends the loop without its requests. It stores nothing from now on.</summary>
        public void Cancel()
        {
            Loop.Close();
            try
            {
                Stop.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The loop has ended.
            }
        }
    }
}
