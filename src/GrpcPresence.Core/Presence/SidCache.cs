using System.Collections.Concurrent;
using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The identities of users that calls named by SID, as this node has read them. Only in a cluster: there a node is the ingress of users
/// that another node tracks, so <see cref="SidIndex"/> has only a part of them. A SID never gets another identity. An entry of a deleted
/// user may stay; the owner of the user rejects its calls, and <see cref="Forget"/> follows. Safe from any thread.
/// </summary>
/// <remarks>
/// <para>1. An entry that was used since it was last considered gets a second chance, for as long as others remain (the CLOCK
/// algorithm).</para>
/// <para>2. When the cache is full, the service instance with the most entries loses one. So one that has fewer than an equal part of the
/// cache loses none, whatever the others do.</para>
/// <para>3. Entries of before lost commits do not count, because their users may be lost.</para>
/// </remarks>
/// <param name="services">The cache of service instances, whose generation says when commits were lost.</param>
/// <param name="capacity">The maximum number of entries of all service instances; at least 1.</param>
public sealed class SidCache(ServiceCache services, int capacity = Limits.CachedSids)
{
    private const int SecondChances = 64; // for one new entry, so that adding it takes microseconds at most

    private readonly Lock _gate = new(); // guards every change; nothing is called under it. Finding an entry takes no lock.
    private readonly ConcurrentDictionary<long, ServiceSids> _services = new();
    private readonly SortedSet<(int Count, long ServiceId)> _bySize = [];
    private int _count;
    private int _generation;

    /// <summary>The number of entries.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _count;
        }
    }

    /// <summary>The generation of what the store shows now. Read it before the users that are to be added are read.</summary>
    internal int Generation => services.Generation;

    /// <summary>Finds the identity; returns false if the cache does not have it.</summary>
    internal bool TryFind(CachedService service, UserSid sid, out Identity identity)
    {
        if (_services.TryGetValue(service.Id, out var cached) && cached.Generation == services.Generation
            && cached.Entries.TryGetValue(sid, out var entry))
        {
            ref var value = ref entry.ValueRef;
            if (!value.IsUsed) // heartbeats on many cores write to the same entry no more than needed
                value.IsUsed = true;
            identity = value.Identity;
            return true;
        }
        identity = default;
        return false;
    }

    /// <summary>Adds an entry, unless it exists, or commits were lost since it was read.</summary>
    internal void Add(CachedService service, UserSid sid, Identity identity, int generation)
    {
        lock (_gate)
        {
            if (generation != services.Generation)
                return;
            if (_generation != generation)
                Clear(generation);
            if (_services.TryGetValue(service.Id, out var known) && known.Entries.ContainsKey(sid))
                return;
            if (_count >= capacity)
                EvictOne();
            var cached = _services.GetOrAdd(service.Id, static (_, added) => new ServiceSids(added), generation);
            cached.Entries[sid] = cached.ByAge.AddLast(new Entry(sid, identity));
            Resize(service.Id, cached, cached.ByAge.Count - 1);
        }
    }

    /// <summary>Removes an entry, because the owner does not know the user. Returns false if the cache did not have it.</summary>
    internal bool Forget(CachedService service, UserSid sid)
    {
        lock (_gate)
        {
            if (!_services.TryGetValue(service.Id, out var cached) || !cached.Entries.TryGetValue(sid, out var entry))
                return false;
            Remove(service.Id, cached, entry);
            return true;
        }
    }

    private void Clear(int generation)
    {
        _services.Clear();
        _bySize.Clear();
        (_count, _generation) = (0, generation);
    }

    private void EvictOne()
    {
        var largest = _bySize.Max.ServiceId;
        var cached = _services[largest];
        var oldest = cached.ByAge.First!;
        for (var chances = SecondChances; chances > 0 && oldest.ValueRef.IsUsed; chances--)
        {
            oldest.ValueRef.IsUsed = false;
            cached.ByAge.RemoveFirst();
            cached.ByAge.AddLast(oldest);
            oldest = cached.ByAge.First!;
        }
        Remove(largest, cached, oldest);
    }

    private void Remove(long serviceId, ServiceSids cached, LinkedListNode<Entry> entry)
    {
        cached.ByAge.Remove(entry);
        cached.Entries.TryRemove(entry.ValueRef.Sid, out _);
        Resize(serviceId, cached, cached.ByAge.Count + 1);
        if (cached.ByAge.Count == 0)
            _services.TryRemove(serviceId, out _);
    }

    private void Resize(long serviceId, ServiceSids cached, int before)
    {
        var after = cached.ByAge.Count;
        _count += after - before;
        _bySize.Remove((before, serviceId));
        if (after > 0)
            _bySize.Add((after, serviceId));
    }

    /// <summary>The entries of one service instance.</summary>
    private sealed class ServiceSids(int generation)
    {
        public int Generation => generation;

        public ConcurrentDictionary<UserSid, LinkedListNode<Entry>> Entries { get; } = new();

        /// <summary>The entries, the one to be considered next first.</summary>
        public LinkedList<Entry> ByAge { get; } = new();
    }

    private struct Entry(UserSid sid, Identity identity)
    {
        public readonly UserSid Sid => sid;

        public readonly Identity Identity => identity;

        /// <summary>Whether a call has used the entry. Written without the lock: a lost write costs at most a second chance.</summary>
        public bool IsUsed { get; set; }
    }
}
