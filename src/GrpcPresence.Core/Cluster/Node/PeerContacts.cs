using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using GrpcPresence.Core.Cluster.Membership;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Node;

/// <summary>When the last message of each other node has arrived. Safe from any thread.</summary>
internal sealed class PeerContacts
{
    private readonly ConcurrentDictionary<NodeId, StrongBox<long>> _last = new();

    /// <summary>A message has arrived.</summary>
    public void Note(NodeId from, TimeSpan now)
    {
        var last = _last.TryGetValue(from, out var known) ? known : _last.GetOrAdd(from, static _ => new StrongBox<long>());
        Volatile.Write(ref last.Value, now.Ticks);
    }

    /// <summary>Returns how long ago the last message has arrived; null if none has.</summary>
    public TimeSpan? Since(NodeId node, TimeSpan now) =>
        _last.TryGetValue(node, out var last) ? now - TimeSpan.FromTicks(Volatile.Read(ref last.Value)) : null;

    /// <summary>Forgets the nodes that the view lacks.</summary>
    public void Forget(ClusterView view)
    {
        foreach (var node in _last.Keys.Where(node => !view.Contains(node)))
            _last.TryRemove(node, out _);
    }
}
