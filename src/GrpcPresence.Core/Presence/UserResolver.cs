using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Presence;

/// <summary>From what requests name a user by to the user. What is tracked is answered from memory; a miss is one read. Safe from any thread.</summary>
public sealed class UserResolver(IStoreReader reader, PresenceTracker tracker)
{
    /// <summary>The user of a heartbeat. An identity is its own address, whether the user exists or not.</summary>
    /// <exception cref="PresenceException">UserNotFound for an unknown SID; on a miss also StorageUnavailable, ServiceInstanceNotFound.</exception>
    public ValueTask<UserRef> ResolveAsync(CachedService service, UserKey key, CancellationToken cancellationToken) =>
        TryResolve(service, key, out var address) ? new(address) : ReadAsync(service, key, cancellationToken);

    /// <summary>The user of a heartbeat, when no read is needed for it.</summary>
    public bool TryResolve(CachedService service, UserKey key, out UserRef address)
    {
        if (!key.IsSid)
        {
            address = new UserRef(key.Identity, null, MayCreate: true);
            return true;
        }
        var found = tracker.Sids.TryFind(service, key.Sid, out var identity);
        address = found ? new UserRef(identity, key.Sid, MayCreate: false) : default;
        return found;
    }

    /// <summary>
    /// The users of many heartbeats, with one read for all misses; an unknown SID yields null. What needs no read is filled in before it, and stands
    /// when the read throws.
    /// </summary>
    /// <exception cref="PresenceException">StorageUnavailable, ServiceInstanceNotFound, when a read was needed.</exception>
    public ValueTask ResolveAsync(
        CachedService service, ReadOnlyMemory<UserKey> keys, Memory<UserRef?> addresses, CancellationToken cancellationToken)
    {
        List<UserKey>? misses = null;
        for (var index = 0; index < keys.Length; index++)
        {
            var key = keys.Span[index];
            var found = TryResolve(service, key, out var address);
            addresses.Span[index] = found ? address : null;
            if (!found)
                (misses ??= []).Add(key);
        }
        return misses is null ? default : FillAsync(service, keys, addresses, misses, cancellationToken);
    }

    /// <summary>The user of a request that needs one who exists: EndSession, ListSessions.</summary>
    /// <exception cref="PresenceException">UserNotFound; on a miss also StorageUnavailable, ServiceInstanceNotFound.</exception>
    public ValueTask<UserRef> ResolveExistingAsync(CachedService service, UserKey key, CancellationToken cancellationToken)
    {
        if (key.IsSid)
            return ResolveAsync(service, key, cancellationToken);
        return tracker.Exists(service, key.Identity)
            ? new(new UserRef(key.Identity, null, MayCreate: false))
            : ReadAsync(service, key, cancellationToken);
    }

    private async ValueTask<UserRef> ReadAsync(CachedService service, UserKey key, CancellationToken cancellationToken)
    {
        var users = await FindAsync(service, [key], cancellationToken).ConfigureAwait(false);
        return users.Count == 0 ? throw PresenceErrors.UserNotFound(key) : new UserRef(users[0].Identity, SidOf(key), MayCreate: false);
    }

    private async ValueTask FillAsync(
        CachedService service, ReadOnlyMemory<UserKey> keys, Memory<UserRef?> addresses, List<UserKey> misses, CancellationToken cancellationToken)
    {
        var found = (await FindAsync(service, misses, cancellationToken).ConfigureAwait(false)).ToDictionary(user => user.Sid, user => user.Identity);
        for (var index = 0; index < keys.Length; index++)
        {
            var key = keys.Span[index];
            if (addresses.Span[index] is null && found.TryGetValue(key.Sid, out var identity))
                addresses.Span[index] = new UserRef(identity, key.Sid, MayCreate: false);
        }
    }

    private async ValueTask<IReadOnlyList<UserState>> FindAsync(CachedService service, IReadOnlyList<UserKey> keys, CancellationToken cancellationToken)
    {
        var read = await reader.FindUsersAsync(service.Sid, keys, cancellationToken).ConfigureAwait(false);
        // The SID may have passed to another service instance since; its users are not this one's.
        return read.Service.Id == service.Id ? read.Users : throw PresenceErrors.ServiceInstanceNotFound(service.Sid);
    }

    private static UserSid? SidOf(UserKey key) => key.IsSid ? key.Sid : null;
}
