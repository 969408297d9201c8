using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Webhooks;

/// <summary>
/// Tells receivers of users, at least once, and each receiver of the newest state of every user in the end. One loop for each service instance with a
/// receiver; none for the others. Safe from any thread.
/// </summary>
/// <remarks>
/// Nothing here takes this process for the only writer of revisions: a commit only wakes, and what is told is what the store holds. But every process that
/// runs this tells everything. On several nodes one of them must own a receiver at a time, by a lease in the row that holds the position, which is checked
/// when the position is advanced; and a node must be woken by what others commit, as watches must.
/// </remarks>
public sealed class WebhookDispatcher(
    IStoreReader store, CommandQueue queue, IWebhookSender sender, StorageStatus status, PresenceMetrics metrics, TimeProvider time, Random random)
    : ICommitPublisher, IDisposable
{
    private readonly Lock _gate = new(); // guards the loops and the flag; a loop is only woken under it, which does no work
    private readonly Dictionary<ServiceSid, (DeliveryLoop Loop, Task Ended)> _loops = [];
    private readonly CancellationTokenSource _stop = new();
    private bool _isRunning;

    /// <summary>Raised, by any thread, when what a receiver kept failing is told no more. The service instance and the user.</summary>
    public event Action<ServiceSid, UserSid>? GivenUp;

    /// <summary>How many receivers are taken for dead.</summary>
    public int OpenCircuits => Circuits.OpenCount;

    /// <summary>How many revisions the receiver is behind that is behind the most.</summary>
    public long Lag
    {
        get
        {
            lock (_gate)
                return _loops.Values.Select(entry => entry.Loop.Lag).DefaultIfEmpty().Max();
        }
    }

    internal IStoreReader Store => store;

    internal CommandQueue Queue => queue;

    internal IWebhookSender Sender => sender;

    internal PresenceMetrics Metrics => metrics;

    internal TimeProvider Time => time;

    internal CircuitBoard Circuits { get; } = new(random, time);

    internal Backoff Backoff => Circuits.Backoff;

    /// <summary>Begins to tell every receiver that the store knows. Returns when all loops run.</summary>
    /// <exception cref="StorageException">The store cannot be read.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            _isRunning = true;
        foreach (var webhook in await store.ListWebhooksAsync(cancellationToken).ConfigureAwait(false))
            Apply(webhook.ServiceSid);
    }

    /// <summary>Cancels what is under way, and returns when every loop has ended. Before the change queue is closed, so that positions are stored.</summary>
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

    /// <summary>The settings of the service instance were changed, and that is committed.</summary>
    public void Apply(ServiceSid service)
    {
        lock (_gate)
        {
            if (!_isRunning)
                return;
            if (_loops.TryGetValue(service, out var entry))
            {
                entry.Loop.Reconsider();
                return;
            }
            var loop = new DeliveryLoop(service, this);
            _loops[service] = (loop, Task.Run(() => loop.RunAsync(_stop.Token), CancellationToken.None));
        }
    }

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
                    entry.Loop.Reconsider();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel(); // a server that could not start is not stopped before
        _stop.Dispose();
    }

    /// <summary>Lets a loop end that has nobody to tell; false when it was woken meanwhile and must look again.</summary>
    internal bool TryEnd(DeliveryLoop loop)
    {
        lock (_gate)
            return !loop.IsWoken && _loops.Remove(loop.Sid);
    }

    internal void GiveUp(ServiceSid service, UserSid user) => GivenUp?.Invoke(service, user);

    internal void ReportFault(Exception fault) => status.ReportFault(fault);
}
