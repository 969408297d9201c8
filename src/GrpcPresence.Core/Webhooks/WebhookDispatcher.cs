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
/// A commit only wakes a loop, and the loop delivers what the store holds. So this class does not assume that this process writes all
/// revisions. But every process that runs it delivers all events. A cluster would need two additions: a lease in the row that holds the
/// position, checked whenever the position advances, so that one node owns an endpoint at a time; and a wake-up for commits of other nodes,
/// as watches need it.
/// </remarks>
public sealed class WebhookDispatcher(
    IStoreReader store,
    CommandQueue queue,
    IWebhookSender sender,
    StorageStatus status,
    PresenceMetrics metrics,
    TimeProvider time,
    Random random)
    : ICommitPublisher, IDisposable
{
    // Guards the map and the flag. A loop may be woken or asked for its lag under it, which takes no other lock. No I/O, await or log
    // happens under it.
    private readonly Lock _gate = new();
    private readonly Dictionary<ServiceSid, (DeliveryLoop Loop, Task Ended)> _loops = [];
    private readonly CircuitBreakers _breakers = new(random, time);
    private readonly CancellationTokenSource _stop = new();
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
                return _loops.Values.Select(entry => entry.Loop.Lag).DefaultIfEmpty().Max();
        }
    }

    /// <summary>Starts a loop for every endpoint in the store.</summary>
    /// <exception cref="StorageException">The store cannot be read.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            _isRunning = true;
        foreach (var webhook in await store.ListWebhooksAsync(cancellationToken).ConfigureAwait(false))
            Apply(webhook.ServiceSid);
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
            ended = [.. _loops.Values.Select(entry => entry.Ended)];
        }
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(ended).ConfigureAwait(false);
    }

    /// <summary>Applies a committed change of the webhook settings of a service instance.</summary>
    public void Apply(ServiceSid service)
    {
        lock (_gate)
        {
            if (!_isRunning)
                return;
            if (_loops.TryGetValue(service, out var entry))
            {
                entry.Loop.Reload();
                return;
            }
            var loop = CreateLoop(service);
            _loops[service] = (loop, Task.Run(() => loop.RunAsync(_stop.Token), CancellationToken.None));
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
                if (!_loops.TryGetValue(commit.Service.Sid, out var entry))
                    continue;
                entry.Loop.Wake(commit.LastRevision);
                if (commit.IsDeleted)
                    entry.Loop.Reload();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel(); // a server that failed to start disposes without StopAsync
        _stop.Dispose();
    }

    private DeliveryLoop CreateLoop(ServiceSid service)
    {
        var wake = new AsyncAutoResetEvent();
        var backoff = _breakers.Backoff;
        var endpoint = new WebhookEndpoint(sender, _breakers, metrics, wake);
        var pass = new DeliveryPass(service, endpoint, store, queue, backoff, time, (sid, user) => GivenUp?.Invoke(sid, user));
        return new DeliveryLoop(pass, endpoint, wake, backoff, status, time, loop => TryRemove(service, loop));
    }

    private bool TryRemove(ServiceSid service, DeliveryLoop loop)
    {
        lock (_gate)
            return !loop.IsWoken && _loops.Remove(service);
    }
}
