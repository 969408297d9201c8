using System.Collections.Concurrent;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Cluster.Hints;

/// <summary>
/// The service instances whose commits this node wants to see, as it has announced them to the others. Used by the loop of the node, except
/// <see cref="Note"/>.
/// </summary>
/// <remarks>
/// The others get each change once, with its number. A status names the last number, and a node that has missed a change asks for all. So a
/// caller that opens and closes watches costs the other nodes one small message in <see cref="Domain.Limits.NodeStep"/>, however many
/// service instances are watched.
/// </remarks>
/// <param name="isWatched">Whether a watch of this node is open. Safe from any thread.</param>
internal sealed class WatchedSet(Func<ServiceSid, bool> isWatched)
{
    private readonly ConcurrentQueue<ServiceSid> _noted = new();
    private readonly HashSet<ServiceSid> _announced = [];
    private HashSet<ServiceSid> _delivered = [];

    /// <summary>The number of the last change; 0 while nothing was announced.</summary>
    public long Number { get; private set; }

    /// <summary>Notes that the first watch of a service instance was opened, or its last one closed. Safe from any thread.</summary>
    public void Note(ServiceSid service) => _noted.Enqueue(service);

    /// <summary>Takes the service instances whose webhooks this node delivers.</summary>
    public void SetDelivered(IReadOnlyList<ServiceSid> delivered)
    {
        if (delivered.Count == _delivered.Count && delivered.All(_delivered.Contains))
            return;
        foreach (var service in _delivered.Concat(delivered))
            Note(service);
        _delivered = [.. delivered];
    }

    /// <summary>Returns what has changed since the last call; null if nothing has.</summary>
    public WatchedChange? TakeChange()
    {
        HashSet<ServiceSid> added = [];
        HashSet<ServiceSid> removed = [];
        for (var left = _noted.Count; left > 0 && _noted.TryDequeue(out var service); left--)
        {
            var isWanted = isWatched(service) || _delivered.Contains(service);
            if (isWanted && _announced.Add(service) && !removed.Remove(service))
                added.Add(service);
            else if (!isWanted && _announced.Remove(service) && !added.Remove(service))
                removed.Add(service);
        }
        return added.Count + removed.Count == 0 ? null : new WatchedChange(++Number, [.. added], [.. removed]);
    }

    /// <summary>Returns all that was announced.</summary>
    public WatchedServices ToMessage() => new([.. _announced], Number);
}
