using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace GrpcPresence.Server.Health;

/// <summary>Holds the status of every name that health knows, and notifies watchers. Safe from any thread.</summary>
internal sealed class HealthStatuses
{
    /// <summary>The name of the server as a whole.</summary>
    public const string Server = "";

    /// <summary>The name of the store, which serves if it accepts writes.</summary>
    public const string Storage = "presence.storage";

    // _gate protects everything below. Record a change and queue it to its watchers under the lock, so that two changes reach every watcher
    // in the same order. Queues never block. Call nothing else under the lock.
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ServingStatus> _statuses = new()
    {
        [Server] = ServingStatus.Serving,
        [V1.UserService.Descriptor.FullName] = ServingStatus.Serving,
        [V1.ConfigurationService.Descriptor.FullName] = ServingStatus.Serving,
        [V1.ApiKeyService.Descriptor.FullName] = ServingStatus.Serving,
        [Storage] = ServingStatus.Serving,
    };
    private readonly HashSet<HealthSubscription> _watchers = [];
    private bool _isDraining;

    /// <summary>Returns the status, or null for an unknown name.</summary>
    public ServingStatus? Find(string name)
    {
        lock (_gate)
            return _statuses.TryGetValue(name, out var status) ? status : null;
    }

    /// <summary>Returns the status of every name.</summary>
    public IReadOnlyDictionary<string, ServingStatus> ToDictionary()
    {
        lock (_gate)
            return new Dictionary<string, ServingStatus>(_statuses);
    }

    /// <summary>Sets a status and notifies its watchers if it changed. While the server drains, no status becomes serving again.</summary>
    public void Set(string name, ServingStatus status)
    {
        lock (_gate)
        {
            if (!_isDraining)
                SetLocked(name, status);
        }
    }

    /// <summary>
    /// Sets the status of the server as a whole and of its services, as <see cref="Set"/> does. A node of a cluster is not ready before it
    /// has opened its shards, or while its clock is wrong.
    /// </summary>
    public void SetReady(bool isReady)
    {
        var status = isReady ? ServingStatus.Serving : ServingStatus.NotServing;
        lock (_gate)
        {
            foreach (var name in _statuses.Keys.Where(name => name != Storage && !_isDraining).ToArray())
                SetLocked(name, status);
        }
    }

    /// <summary>Sets every status to not serving, notifies every watch, and ends it.</summary>
    public void Drain()
    {
        lock (_gate)
        {
            _isDraining = true;
            foreach (var name in _statuses.Keys.ToArray())
                SetLocked(name, ServingStatus.NotServing);
            foreach (var watcher in _watchers)
                watcher.Complete();
        }
    }

    /// <summary>
    /// Subscribes to a name, beginning with its current status. The subscription ends when it is disposed, or when the server drains.
    /// </summary>
    public HealthSubscription Subscribe(string name)
    {
        var watcher = new HealthSubscription(name, Unsubscribe);
        lock (_gate)
        {
            watcher.Enqueue(_statuses.GetValueOrDefault(name, ServingStatus.ServiceUnknown));
            if (_isDraining)
                watcher.Complete();
            _watchers.Add(watcher);
        }
        return watcher;
    }

    private void Unsubscribe(HealthSubscription watcher)
    {
        lock (_gate)
            _watchers.Remove(watcher);
    }

    // The caller holds _gate.
    private void SetLocked(string name, ServingStatus status)
    {
        if (_statuses.TryGetValue(name, out var before) && before == status)
            return;
        _statuses[name] = status;
        foreach (var watcher in _watchers)
        {
            if (watcher.Name == name)
                watcher.Enqueue(status);
        }
    }
}
