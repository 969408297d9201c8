using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace GrpcPresence.Server.Health;

/// <summary>The status of every name that health knows, and who is told of it. Safe from any thread.</summary>
internal sealed class HealthStatuses
{
    /// <summary>The server as a whole.</summary>
    public const string Server = "";

    /// <summary>Whether the store takes writes.</summary>
    public const string Storage = "presence.storage";

    // Guards everything below. A change is entered and queued to its watchers under it, so that two changes reach every watcher in the order in
    // which they happened. Queues never block; nothing else is called under it.
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

    /// <summary>The status; null for an unknown name.</summary>
    public ServingStatus? Find(string name)
    {
        lock (_gate)
            return _statuses.TryGetValue(name, out var status) ? status : null;
    }

    /// <summary>The status of every name.</summary>
    public IReadOnlyDictionary<string, ServingStatus> ToDictionary()
    {
        lock (_gate)
            return new Dictionary<string, ServingStatus>(_statuses);
    }

    /// <summary>Sets a status and tells its watchers, if it is another one. Nothing serves again once the server drains.</summary>
    public void Set(string name, ServingStatus status)
    {
        lock (_gate)
        {
            if (!_isDraining)
                Enter(name, status);
        }
    }

    /// <summary>Nothing serves any more; every watch is told so, and ends.</summary>
    public void Drain()
    {
        lock (_gate)
        {
            _isDraining = true;
            foreach (var name in _statuses.Keys.ToArray())
                Enter(name, ServingStatus.NotServing);
            foreach (var watcher in _watchers)
                watcher.Complete();
        }
    }

    /// <summary>Begins with the present status. The subscription ends when it is disposed, or when the server drains.</summary>
    public HealthSubscription Subscribe(string name)
    {
        var watcher = new HealthSubscription(name, Unsubscribe);
        lock (_gate)
        {
            watcher.Tell(_statuses.GetValueOrDefault(name, ServingStatus.ServiceUnknown));
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

    // Under the gate.
    private void Enter(string name, ServingStatus status)
    {
        if (_statuses.TryGetValue(name, out var before) && before == status)
            return;
        _statuses[name] = status;
        foreach (var watcher in _watchers)
        {
            if (watcher.Name == name)
                watcher.Tell(status);
        }
    }
}
