using System.Collections.Immutable;
using GrpcPresence.Core.Cluster.Channel;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Cluster.Hints;

/// <summary>
/// Sends the commits of this node to the nodes that watch their service instances. A change of a configuration goes to all nodes, because
/// each of them may have the service instance cached. Safe from any thread.
/// </summary>
/// <remarks>
/// PostgreSQL could notify the nodes. Its NOTIFY takes a lock of the whole server until the commit is flushed, which left 0.38 of the
/// commits of four writers.
/// </remarks>
/// <param name="view">The nodes.</param>
/// <param name="channel">Sends to them.</param>
/// <param name="status">Says which data the writer of this node writes to.</param>
public sealed class CommitHints(IClusterView view, INodeChannel channel, StorageStatus status) : ICommitPublisher
{
    private static readonly WatchedServices Nothing = new([], Number: 0);

    // Replaced as a whole, read without a lock.
    private volatile ImmutableDictionary<NodeId, WatchedServices> _watched = ImmutableDictionary<NodeId, WatchedServices>.Empty;

    /// <inheritdoc/>
    public bool NeedsUsers(ServiceSid service)
    {
        foreach (var watched in _watched.Values)
        {
            if (watched.Services.Contains(service))
                return true;
        }
        return false;
    }

    /// <inheritdoc/>
    public void Publish(IReadOnlyList<ServiceCommit> commits)
    {
        var watched = _watched;
        foreach (var node in view.Current.Nodes)
        {
            if (node == view.Self)
                continue;
            var services = watched.GetValueOrDefault(node)?.Services ?? [];
            var wanted = commits.Where(commit =>
                commit.IsDeleted || !commit.Configurations.IsEmpty || services.Contains(commit.Service.Sid)).ToImmutableArray();
            if (!wanted.IsEmpty)
                channel.Send(node, new CommitHint(status.Data, wanted));
        }
    }

    /// <summary>Takes all that a node watches.</summary>
    public void Receive(NodeId from, WatchedServices watched) =>
        Set(from, known => watched.Number > known.Number ? watched : null);

    /// <summary>Takes a change of what a node watches. One that does not follow what is known changes nothing.</summary>
    public void Receive(NodeId from, WatchedChange change) => Set(from, known => change.Number == known.Number + 1
        ? new WatchedServices(known.Services.Except(change.Removed).Union(change.Added), change.Number)
        : null);

    /// <summary>Whether the change of what a node watches is known here. If not, a change was lost or is on its way.</summary>
    public bool Knows(NodeId node, long change) => Known(_watched, node).Number >= change;

    private static WatchedServices Known(ImmutableDictionary<NodeId, WatchedServices> watched, NodeId node) =>
        watched.GetValueOrDefault(node, Nothing);

    private void Set(NodeId node, Func<WatchedServices, WatchedServices?> change)
    {
        while (true)
        {
            var watched = _watched;
            if (change(Known(watched, node)) is not { } changed
                || Interlocked.CompareExchange(ref _watched, watched.SetItem(node, changed), watched) == watched)
            {
                return;
            }
        }
    }

    /// <summary>Forgets the nodes that the view lacks.</summary>
    public void Forget(ClusterView present)
    {
        while (true)
        {
            var known = _watched;
            var kept = known.RemoveRange(known.Keys.Where(node => !present.Contains(node)));
            if (kept.Count == known.Count || Interlocked.CompareExchange(ref _watched, kept, known) == known)
                return;
        }
    }
}
