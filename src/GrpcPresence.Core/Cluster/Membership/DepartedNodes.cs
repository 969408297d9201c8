using System.Collections.Concurrent;
using GrpcPresence.Core.Domain.Cluster;

namespace GrpcPresence.Core.Cluster.Membership;

/// <summary>
/// The runs of nodes that are gone: a view has shown the run and a later one lacks it, or a view shows a later run of the same name. Such a
/// run never comes back. Safe from any thread; reads take no lock.
/// </summary>
/// <remarks>
/// A view that lacks a run is not enough: the run may be a new one, whose first view this node has not seen yet. A run that came and went
/// between two views that this node has seen stays unknown. Costs an entry for each name.
/// </remarks>
public sealed class DepartedNodes
{
    private readonly ConcurrentDictionary<string, long> _last = new(); // the last run of each name that is gone
    private readonly Lock _gate = new(); // guards the view; nothing is called under it
    private ClusterView _view = new(Number: long.MinValue, []);

    /// <summary>Whether the run is known to be gone.</summary>
    public bool Contains(NodeId node) => _last.TryGetValue(node.Name, out var last) && node.Incarnation <= last;

    /// <summary>Notes what a view shows, and returns whether it is a new one. Older views than the last one change nothing.</summary>
    public bool Note(ClusterView view)
    {
        ClusterView earlier;
        lock (_gate)
        {
            if (view.Number <= _view.Number)
                return false;
            earlier = _view;
            _view = view;
        }
        foreach (var node in earlier.Nodes)
        {
            if (!view.Contains(node))
                Add(node.Name, node.Incarnation);
        }
        foreach (var node in view.Nodes)
            Add(node.Name, node.Incarnation - 1);
        return true;
    }

    private void Add(string name, long incarnation) =>
        _last.AddOrUpdate(name, static (_, added) => added, static (_, known, added) => Math.Max(known, added), incarnation);
}
