using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using GrpcPresence.Core.Writing.Commands;
using GrpcPresence.Server.Grpc.Wire;
using GrpcPresence.Testing;

namespace GrpcPresence.MicroBench.Fixture;

/// <summary>
/// Core over an in-memory store, with the server's encoder, on one thread: the writer writes and the clock ticks when a benchmark calls
/// them.
/// </summary>
internal sealed class World : IDisposable
{
    private readonly CommandQueue _queue = new();
    private readonly PresenceMetrics _metrics = new();
    private readonly ServiceCache _services;
    private readonly CommandWriter _writer;

    public World()
    {
        var status = new StorageStatus();
        _services = new ServiceCache(Store);
        Tracker = new PresenceTracker(Clock, _queue, _metrics);
        Hub = new WatchHub(Store, Encoder, status, _metrics, Clock, new Random(1), Limits.WatchStallTimeout);
        _writer = new CommandWriter(
            Store, _queue, _services, Tracker, [Hub], new ApiKeyCache(), status, _metrics, Clock,
            Limits.TombstoneRetention,
            int.MaxValue);
    }

    public InMemoryPresenceStore Store { get; } = new();

    public BenchClock Clock { get; } = new();

    public IUserEncoder Encoder { get; } = new UserEncoder();

    public PresenceTracker Tracker { get; }

    public WatchHub Hub { get; }

    /// <summary>Creates a service instance that records reachability.</summary>
    public CachedService NewService(TimeSpan sessionTimeout)
    {
        var sid = Do(new CreateServiceInstance(sid: null, "")).Sid;
        Do(new UpdateConfiguration(sid, etag: "", before => before with
        {
            ReachabilityEnabled = true,
            HeartbeatInterval = Limits.MinHeartbeatInterval,
            SessionTimeout = sessionTimeout,
        }));
        return _services.Apply(RecordOf(sid), _services.Generation);
    }

    /// <summary>Returns the stored service instance.</summary>
    public ServiceRecord RecordOf(ServiceSid service) => Store.Image.Get(service).Record;

    /// <summary>Writes everything that is queued.</summary>
    public void Write()
    {
        while (_queue.Count > 0)
            _writer.WriteOnce();
    }

    /// <summary>Advances the clock by one tick.</summary>
    public void PassTick()
    {
        Clock.Advance(Limits.Tick);
        Tracker.Tick();
    }

    public void Dispose()
    {
        _queue.Dispose();
        _metrics.Dispose();
        Store.Dispose();
    }

    private T Do<T>(Command<T> change)
    {
        var done = _queue.SubmitAsync(change);
        Write();
        return done.GetAwaiter().GetResult();
    }
}
