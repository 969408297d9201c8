using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Core.Tests.Simulation;
using GrpcPresence.Core.Watching;
using GrpcPresence.Core.Writing;
using GrpcPresence.Testing;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Watching;

/// <summary>One node of a <see cref="SimulatedCluster"/>.</summary>
internal sealed class SimulatedNode : IDisposable
{
    private readonly Action<SimulatedNode, ServiceCommit> _send;
    private CommitRecorder _commits = null!;

    public SimulatedNode(InMemoryPresenceStore store, Action<SimulatedNode, ServiceCommit> send)
    {
        _send = send;
        World = new World(store, hub => _commits = new CommitRecorder(hub), isConfirmed: () => IsConfirmed);
        World.Services.SwitchedOn += World.Tracker.Reconsider;
    }

    public World World { get; }

    public CachedService Service { get; private set; } = null!;

    public bool IsConfirmed { get; set; } = true;

    /// <summary>The commits of other nodes that have not arrived.</summary>
    public List<ServiceCommit> OnTheWay { get; } = [];

    public void Dispose()
    {
        World.Dispose();
        World.Store.Dispose();
    }

    public async Task StartAsync(ServiceSid service)
    {
        Send();
        Service = await World.Services.GetAsync(service, default);
        World.Tracker.Start();
    }

    /// <summary>Writes everything that is queued, and sends it to the other nodes.</summary>
    public void Write() => Run(World.Write);

    /// <summary>Lets time pass without a tick.</summary>
    public void Wait(TimeSpan time) => Run(() => World.Time.Advance(time));

    /// <summary>Lets time pass with ticks.</summary>
    public void Advance(TimeSpan time) => Run(() => World.Advance(time));

    /// <summary>One of the commits on their way arrives, as the node would handle it.</summary>
    public void Deliver(int choice, bool again) => Run(() =>
    {
        var index = choice % OnTheWay.Count;
        var commit = OnTheWay[index];
        if (!again)
            OnTheWay.RemoveAt(index);
        World.Services.Update(commit.Service);
        World.Hub.Publish([commit]);
        World.Write();
    });

    /// <summary>The store has shown the service instance.</summary>
    public void Poll(ServiceRecord record) => Run(() =>
    {
        World.Services.Update(record);
        World.Hub.NoteRevision(record.Sid, record.Id, record.Revision);
        World.Write();
    });

    // The reads that the hub begins may hang, like any read with a name.
    private void Run(Action act)
    {
        World.Store.Faults.Reader.Value = this;
        act();
        World.Store.Faults.Reader.Value = null;
        Send();
    }

    private void Send()
    {
        foreach (var commit in _commits.Take())
            _send(this, commit);
    }
}

/// <summary>A client, its present stream, and the node of that.</summary>
internal sealed class SimulatedNodeWatch(WatchModel client)
{
    private SimulatedWatch? _watch;

    public WatchModel Client => client;

    public SimulatedNode Node { get; private set; } = null!;

    public bool IsOpen => _watch is { IsOpen: true };

    public Task<bool> ReadAsync() => _watch?.ReadAsync() ?? Task.FromResult(false);

    /// <summary>Closes the stream, and opens another one.</summary>
    public async Task OpenAsync(SimulatedNode node, ServiceSid service, Bookmark? from, bool startNow)
    {
        _watch?.Leave();
        Node = node;
        _watch = new SimulatedWatch(client, node.World.Store.Faults);
        try
        {
            var request = new WatchRequest(service, client.Filter, startNow, from?.Token);
            _watch.Open(await node.World.Hub.OpenAsync(request, node.World.Store, default), from);
        }
        catch (StorageException)
        {
            // The client tries again later.
        }
    }
}
