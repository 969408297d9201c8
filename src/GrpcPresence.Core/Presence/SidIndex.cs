using System.Collections.Concurrent;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The identities of the tracked users that heartbeats name by SID. The first such heartbeat adds an entry. The entry stays while the user
/// is tracked under that SID. It costs nothing where users are named by identity. Safe from any thread; written under the part's lock.
/// </summary>
internal sealed class SidIndex
{
    private readonly ConcurrentDictionary<(long ServiceId, UserSid Sid), Identity> _identities = new();
    private volatile bool _isUsed; // while no heartbeat names a user by SID, removing a user needs no lookup

    /// <summary>The number of entries.</summary>
    public int Count => _identities.Count;

    /// <summary>Finds the identity; returns false if no tracked user is named by this SID.</summary>
    public bool TryFind(CachedService service, UserSid sid, out Identity identity) =>
        _identities.TryGetValue((service.Id, sid), out identity);

    /// <summary>Adds an entry, unless it exists.</summary>
    public void Add(CachedService service, UserSid sid, Identity identity)
    {
        _isUsed = true;
        if (!_identities.ContainsKey((service.Id, sid))) // takes no lock; every heartbeat by SID comes here
            _identities.TryAdd((service.Id, sid), identity);
    }

    /// <summary>Removes an entry, if it exists.</summary>
    public void Remove(CachedService service, UserSid sid)
    {
        if (_isUsed)
            _identities.TryRemove((service.Id, sid), out _);
    }
}
