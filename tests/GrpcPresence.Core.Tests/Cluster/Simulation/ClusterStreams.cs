using GrpcPresence.Core.Cluster.Routing;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Presence;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Tests.Fixture;
using GrpcPresence.Testing.Cluster;
using GrpcPresence.Testing.Watching;

namespace GrpcPresence.Core.Tests.Cluster.Simulation;

/// <summary>The heartbeat streams of clients: each belongs to one user, and has one session.</summary>
internal sealed class ClusterStreams(SimulatedClock clock, ClusterClients clients)
{
    /// <summary>The offline debounce of the service instance: much shorter than its session timeout.</summary>
    public static readonly TimeSpan Debounce = TimeSpan.FromMilliseconds(300);

    /// <summary>
    /// The time in which the sessions of a closed stream end: the debounce, a move, what a lease lasts at least after it, and the tick and
    /// the write. It is shorter than a session timeout.
    /// </summary>
    public static readonly TimeSpan TimeToEnd = Debounce + Limits.OwnerWait + Limits.LeaseAfterMove + TimeSpan.FromMilliseconds(500);

    private readonly List<Open> _open = [];
    private readonly Dictionary<StreamId, TimeSpan> _closed = [];
    private long _last;

    /// <summary>Sends a heartbeat over an open stream of the user, or over a new one to the node.</summary>
    public void Beat(SimulatedNode node, CachedService service, string user, bool endsOnClose, bool isNew)
    {
        var open = isNew ? null : _open.Find(known => known.User == user && known.Ingress.IsServing);
        if (open is null)
            _open.Add(open = new Open(new RoutedStream(new StreamId(node.Id, ++_last), endsOnClose), node, user));
        var session = $"t{open.Stream.Id.Number}";
        var key = new UserRef(World.Id(user), Sid: null, MayCreate: true);
        var result = open.Ingress.Node.Router.Beat(service, key, World.Session(session), open.Stream);
        clients.Beat(result, user, session, open.Ingress, open.Stream.Id);
    }

    /// <summary>Closes one stream, or all of them. The process of the ingress must run.</summary>
    public void Close(bool isAll, int choice, bool byClient)
    {
        Open[] closing = [.. _open.Where((open, i) => (isAll || i == choice % _open.Count) && open.Ingress.IsServing)];
        foreach (var open in closing)
        {
            _open.Remove(open);
            _closed[open.Stream.Id] = clock.Now;
            open.Ingress.Node.CloseStream(open.Stream, byClient);
            if (byClient && open.Stream.EndSessionsOnClose)
                clients.CloseStream(open.Stream.Id, open.User);
        }
    }

    /// <summary>The streams of a node that has ended are not closed.</summary>
    public void Remove(SimulatedNode node) => _open.RemoveAll(open => open.Ingress == node);

    /// <summary>Checks that no node knows a stream that was closed while its ingress could reach the node again soon enough.</summary>
    /// <exception cref="BrokenPromiseException">A node does.</exception>
    public void RequireForgotten(IReadOnlyList<SimulatedNode> nodes)
    {
        foreach (var node in nodes)
        {
            foreach (var id in node.Streams.Known)
            {
                var isRecent = _closed.TryGetValue(id, out var at) && clock.Now - at < Limits.StreamCloseWait;
                if (isRecent && nodes.Any(other => other.Id == id.Ingress))
                    throw new BrokenPromiseException("Closed", $"{node.Id} remembers {id}, which was closed at {at}");
            }
        }
    }

    private sealed record Open(RoutedStream Stream, SimulatedNode Ingress, string User);
}
