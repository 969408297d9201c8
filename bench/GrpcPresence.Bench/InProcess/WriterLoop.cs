using GrpcPresence.Bench.Scenarios;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Telemetry;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using GrpcPresence.Server.Grpc.Wire;

namespace GrpcPresence.Bench.InProcess;

/// <summary>The path of a transition without the transport: tracker, queue, writer, store, hub.</summary>
internal sealed class WriterLoop : IDisposable
{
    private readonly IPresenceStore _store;
    private readonly PresenceMetrics _metrics = new();
    private readonly CommandQueue _queue = new();
    private readonly PresenceTracker _tracker;
    private readonly CommandWriter _writer;
    private readonly CachedService _service;

    /// <summary>Takes the store of a prepared database, and disposes of it with the loop.</summary>
    public WriterLoop(IPresenceStore store)
    {
        _store = store;
        var services = new ServiceCache(_store);
        var status = new StorageStatus();
        _tracker = new PresenceTracker(TimeProvider.System, _queue, _metrics);
        _tracker.Start();
        var hub = new WatchHub(_store, new UserEncoder(), status, _metrics, TimeProvider.System, Random.Shared, Limits.WatchStallTimeout);
        _writer = new CommandWriter(
            _store, _queue, services, _tracker, [hub], new ApiKeyCache(), status, _metrics, TimeProvider.System,
            Limits.TombstoneRetention,
            int.MaxValue);
        _service = services.GetAsync(Population.Service(), CancellationToken.None).AsTask().GetAwaiter().GetResult();
    }

    /// <summary>Brings every user online in an even round, and takes every user offline in an odd one.</summary>
    public void Run(int[] users, int batch, int round)
    {
        foreach (var some in users.Chunk(batch))
        {
            foreach (var user in some)
            {
                var session = Population.Session(user, round / 2);
                var address = new UserRef(Population.Identity(user), null, MayCreate: true);
                if (round % 2 == 0)
                    _tracker.Beat(_service, address, session, stream: null);
                else
                    _ = _tracker.EndSession(_service, address, session);
            }
            if (_writer.WriteOnce() == WriteOutcome.Failed)
                throw new IOException("The store failed.");
        }
        if (_queue.Count > 0)
            throw new InvalidOperationException("The writer left commands in the queue.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _store.Dispose();
        _queue.Dispose();
        _metrics.Dispose();
    }
}
