using GrpcPresence.Core.Changes;
using GrpcPresence.Core.Changes.Store;
using GrpcPresence.Core.Errors;
using GrpcPresence.Core.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>From what requests name a user by to the user. What is tracked is answered from memory; a miss is one read. Safe from any thread.</summary>
public sealed class UserDirectory(IStoreReader reader, PresenceTracker tracker)
{
    /// <summary>The user of a heartbeat. An identity is its own address, whether the user exists or not.</summary>
    /// <exception cref="PresenceException">UserNotFound for an unknown SID; on a miss also StorageUnavailable, ServiceInstanceNotFound.</exception>
    public ValueTask<UserAddress> ResolveAsync(LiveService service, UserKey key, CancellationToken cancellationToken) =>
        TryResolve(service, key, out var address) ? new(address) : ReadAsync(service, key, cancellationToken);

    /// <summary>The user of a heartbeat, when no read is needed for it.</summary>
    public bool TryResolve(LiveService service, UserKey key, out UserAddress address)
    {
        if (!key.IsSid)
        {
            address = new UserAddress(key.Identity, null, MayCreate: true);
            return true;
        }
        var found = tracker.Sids.TryFind(service, key.Sid, out var identity);
        address = found ? new UserAddress(identity, key.Sid, MayCreate: false) : default;
        return found;
    }

    /// <summary>
    /// The users of many heartbeats, with one read for all misses; an unknown SID yields null. What needs no read is filled in before it, and stands
    /// when the read throws.
    /// </summary>
    /// <exception cref="PresenceException">StorageUnavailable, ServiceInstanceNotFound, when a read was needed.</exception>
    public ValueTask ResolveAsync(
        LiveService service, ReadOnlyMemory<UserKey> keys, Memory<UserAddress?> addresses, CancellationToken cancellationToken)
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
    public ValueTask<UserAddress> ResolveExistingAsync(LiveService service, UserKey key, CancellationToken cancellationToken)
    {
        if (key.IsSid)
            return ResolveAsync(service, key, cancellationToken);
        return tracker.Exists(service, key.Identity)
            ? new(new UserAddress(key.Identity, null, MayCreate: false))
            : ReadAsync(service, key, cancellationToken);
    }

    private async ValueTask<UserAddress> ReadAsync(LiveService service, UserKey key, CancellationToken cancellationToken)
    {
        var users = await FindAsync(service, [key], cancellationToken).ConfigureAwait(false);
        return users.Count == 0 ? throw Refusals.UserNotFound(key) : new UserAddress(users[0].Identity, SidOf(key), MayCreate: false);
    }

    private async ValueTask FillAsync(
        LiveService service, ReadOnlyMemory<UserKey> keys, Memory<UserAddress?> addresses, List<UserKey> misses, CancellationToken cancellationToken)
    {
        var found = (await FindAsync(service, misses, cancellationToken).ConfigureAwait(false)).ToDictionary(user => user.Sid, user => user.Identity);
        for (var index = 0; index < keys.Length; index++)
        {
            var key = keys.Span[index];
            if (addresses.Span[index] is null && found.TryGetValue(key.Sid, out var identity))
                addresses.Span[index] = new UserAddress(identity, key.Sid, MayCreate: false);
        }
    }

    private async ValueTask<IReadOnlyList<UserState>> FindAsync(LiveService service, IReadOnlyList<UserKey> keys, CancellationToken cancellationToken)
    {
        var read = await reader.FindUsersAsync(service.Sid, keys, cancellationToken).ConfigureAwait(false);
        // The SID may have passed to another service instance since; its users are not this one's.
        return read.Service.Id == service.Id ? read.Users : throw Refusals.ServiceInstanceNotFound(service.Sid);
    }

    private static UserSid? SidOf(UserKey key) => key.IsSid ? key.Sid : null;
}
