using System.Collections.Concurrent;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The identities of tracked users whom somebody names by SID. An entry is made by the first such heartbeat and lives as long as the user is tracked
/// under that SID, so that it costs nothing where users are named by identity. Safe from any thread; written under the shard's lock.
/// </summary>
internal sealed class SidIndex
{
    private readonly ConcurrentDictionary<(long ServiceId, UserSid Sid), Identity> _identities = new();
    private volatile bool _isUsed; // where nobody is named by SID, a user who leaves costs no look

    /// <summary>How many entries there are.</summary>
    public int Count => _identities.Count;

    /// <summary>The identity; false when nobody tracked is named by this SID.</summary>
    public bool TryFind(CachedService service, UserSid sid, out Identity identity) => _identities.TryGetValue((service.Id, sid), out identity);

    /// <summary>Adds an entry, if it is not there.</summary>
    public void Add(CachedService service, UserSid sid, Identity identity)
    {
        _isUsed = true;
        if (!_identities.ContainsKey((service.Id, sid))) // takes no lock, and every heartbeat by SID comes here
            _identities.TryAdd((service.Id, sid), identity);
    }

    /// <summary>Removes an entry, if it is there.</summary>
    public void Remove(CachedService service, UserSid sid)
    {
        if (_isUsed)
            _identities.TryRemove((service.Id, sid), out _);
    }
}
