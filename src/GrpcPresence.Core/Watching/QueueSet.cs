using System.Runtime.InteropServices;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Watching;

/// <summary>The queues of one feed, found by the users that they select. Guarded by the lock of the feed.</summary>
internal sealed class QueueSet
{
    private readonly List<WatchQueue> _ofAllUsers = [];
    private readonly Dictionary<UserKey, List<WatchQueue>> _byKey = [];

    public bool IsEmpty => _ofAllUsers.Count == 0 && _byKey.Count == 0;

    public void Add(WatchQueue queue)
    {
        if (queue.Filter.WatchesAllUsers)
            _ofAllUsers.Add(queue);
        foreach (var key in queue.Filter.Keys)
        {
            ref var queues = ref CollectionsMarshal.GetValueRefOrAddDefault(_byKey, key, out _);
            (queues ??= new List<WatchQueue>(1)).Add(queue);
        }
    }

    public void Remove(WatchQueue queue)
    {
        if (queue.Filter.WatchesAllUsers)
            _ofAllUsers.Remove(queue);
        foreach (var key in queue.Filter.Keys)
        {
            if (_byKey.TryGetValue(key, out var queues) && queues.Remove(queue) && queues.Count == 0)
                _byKey.Remove(key);
        }
    }

    public IReadOnlyList<WatchQueue> ToList() => [.. _ofAllUsers, .. QueuesByKey()];

    /// <summary>Offers a batch to every queue that selects any of it; see <see cref="WatchQueue.Offer"/>.</summary>
    public void Offer(ReadOnlySpan<UserChange> changes, ReadOnlySpan<ServiceConfiguration> configurations, long? firstDirty)
    {
        // A configuration, or a gap, affects each watch differently.
        var isShared = _ofAllUsers.Count > 0 && !changes.IsEmpty && configurations.IsEmpty && firstDirty is null;
        var shared = isShared ? new SharedChanges(changes) : null;
        foreach (var queue in _ofAllUsers)
            queue.Offer(changes, configurations, firstDirty, shared);
        if (_byKey.Count > 0 && configurations.IsEmpty)
            OfferByKey(changes, firstDirty);
        else if (_byKey.Count > 0)
            OfferTogether(changes, configurations, firstDirty);
    }

    private void OfferByKey(ReadOnlySpan<UserChange> changes, long? firstDirty)
    {
        for (var i = 0; i < changes.Length; i++)
        {
            var (bySid, byIdentity) = QueuesOf(changes[i].State);
            OfferOnce(bySid, changes.Slice(i, 1), firstDirty);
            OfferOnce(byIdentity, changes.Slice(i, 1), firstDirty);
        }
    }

    /// <summary>
    /// Offers a change to the queues that did not get it yet. A session may send the change between two offers, and would then send it
    /// twice.
    /// </summary>
    private static void OfferOnce(List<WatchQueue>? queues, ReadOnlySpan<UserChange> change, long? firstDirty)
    {
        if (queues is null)
            return;
        foreach (var queue in queues)
        {
            if (queue.LastByKey == change[0].Revision)
                continue;
            queue.LastByKey = change[0].Revision;
            queue.Offer(change, [], firstDirty);
        }
    }

    /// <summary>Offers each queue its changes together with the configurations. Slower, but configurations seldom change.</summary>
    private void OfferTogether(ReadOnlySpan<UserChange> changes, ReadOnlySpan<ServiceConfiguration> configurations, long? firstDirty)
    {
        var changesOf = QueuesByKey().ToDictionary(queue => queue, _ => new List<UserChange>());
        foreach (var change in changes)
        {
            var (bySid, byIdentity) = QueuesOf(change.State);
            foreach (var queue in (bySid ?? []).Union(byIdentity ?? []))
                changesOf[queue].Add(change);
        }
        foreach (var (queue, selected) in changesOf)
            queue.Offer(CollectionsMarshal.AsSpan(selected), configurations, firstDirty);
    }

    private IEnumerable<WatchQueue> QueuesByKey() => _byKey.Values.SelectMany(queues => queues).Distinct();

    /// <summary>The queues that select the user by SID, and those that do by identity. A queue may do both.</summary>
    private (List<WatchQueue>? BySid, List<WatchQueue>? ByIdentity) QueuesOf(UserState user) =>
        (_byKey.GetValueOrDefault(new UserKey(user.Sid)), _byKey.GetValueOrDefault(new UserKey(user.Identity)));
}
