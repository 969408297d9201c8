using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tests.Simulation;
using GrpcPresence.Core.Watching;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>A client that watches everybody, at one node after the other.</summary>
internal sealed class ClusterWatch(Truth truth, Action<WatchEvent> taken)
{
    private SimulatedWatch? _watch;

    public WatchModel Client { get; } = new(new WatchFilter([], UpdateReasons.None, UserView.Full), truth);

    /// <summary>The node of the present stream.</summary>
    public SimulatedNode? Node { get; private set; }

    public bool IsOpen => _watch is { IsOpen: true };

    /// <inheritdoc cref="SimulatedWatch.IsLost"/>
    public bool IsLost => _watch is { IsLost: true };

    /// <summary>The store has lost commits.</summary>
    public void Lose() => _watch?.Lose();

    public async Task OpenAsync(SimulatedNode node, ServiceSid service, Bookmark? from)
    {
        try
        {
            var session = await node.Hub.OpenAsync(new WatchRequest(service, Client.Filter, false, from?.Token), node.Store, default);
            _watch = new SimulatedWatch(Client, node.Store.Faults);
            _watch.Taken += taken;
            Node = node;
            _watch.Open(session, from);
        }
        catch (PresenceException)
        {
            // The client tries again later.
        }
    }

    public async Task ResumeAsync(SimulatedNode node, ServiceSid service, int choice)
    {
        Leave();
        var bookmarks = Client.Bookmarks;
        var from = bookmarks.Count == 0 ? null : choice % 3 == 0 ? bookmarks[choice % bookmarks.Count] : bookmarks[^1];
        await OpenAsync(node, service, from);
    }

    public async Task<bool> ReadAsync() => _watch is not null && await _watch.ReadAsync();

    public void Leave()
    {
        _watch?.Leave();
        Node = null;
    }
}
