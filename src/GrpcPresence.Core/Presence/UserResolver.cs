using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// Resolves the user keys of requests. Answers from memory for tracked users; a miss costs one read. Safe from any thread.
/// </summary>
/// <param name="reader">The store.</param>
/// <param name="tracker">The tracked users of this node.</param>
/// <param name="sids">
/// Remembers the users of other nodes that were named by SID; null outside of a cluster, where all users that send heartbeats are tracked.
/// </param>
public sealed class UserResolver(IStoreReader reader, PresenceTracker tracker, SidCache? sids = null)
{
    /// <summary>Resolves the user of a heartbeat. An identity needs no lookup, whether or not the user exists.</summary>
    /// <exception cref="PresenceException">
    /// UserNotFound for an unknown SID; on a miss also StorageUnavailable, ServiceInstanceNotFound.
    /// </exception>
    public ValueTask<UserRef> ResolveAsync(CachedService service, UserKey key, CancellationToken cancellationToken) =>
        TryResolve(service, key, out var address) ? new(address) : ReadAsync(service, key, cancellationToken);

    /// <summary>Resolves the user of a heartbeat if no read is needed.</summary>
    public bool TryResolve(CachedService service, UserKey key, out UserRef address)
    {
        if (!key.IsSid)
        {
            address = new UserRef(key.Identity, null, MayCreate: true);
            return true;
        }
        var found = tracker.Sids.TryFind(service, key.Sid, out var identity) || sids?.TryFind(service, key.Sid, out identity) == true;
        address = found ? new UserRef(identity, key.Sid, MayCreate: false) : default;
        return found;
    }

    /// <summary>
    /// Resolves the users of many heartbeats, with one read for all misses. An unknown SID yields null. Users that need no read are filled
    /// in first, and stay filled in if the read throws.
    /// </summary>
    /// <exception cref="PresenceException">StorageUnavailable, ServiceInstanceNotFound, if a read was needed.</exception>
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

    /// <summary>Resolves the user of a request that needs an existing one: EndSession, ListSessions.</summary>
    /// <exception cref="PresenceException">UserNotFound; on a miss also StorageUnavailable, ServiceInstanceNotFound.</exception>
    public ValueTask<UserRef> ResolveExistingAsync(CachedService service, UserKey key, CancellationToken cancellationToken)
    {
        if (key.IsSid)
            return ResolveAsync(service, key, cancellationToken);
        return tracker.Exists(service, key.Identity)
            ? new(new UserRef(key.Identity, null, MayCreate: false))
            : ReadAsync(service, key, cancellationToken);
    }

    /// <summary>
    /// Forgets what was read about a user, because its owner does not know the user. The next call reads. Returns false if nothing was
    /// remembered.
    /// </summary>
    public bool Forget(CachedService service, UserSid sid) => sids?.Forget(service, sid) == true;

    private async ValueTask<UserRef> ReadAsync(CachedService service, UserKey key, CancellationToken cancellationToken)
    {
        var users = await FindAsync(service, [key], cancellationToken).ConfigureAwait(false);
        return users.Count == 0 ? throw PresenceErrors.UserNotFound(key) : new UserRef(users[0].Identity, SidOf(key), MayCreate: false);
    }

    private async ValueTask FillAsync(
        CachedService service,
        ReadOnlyMemory<UserKey> keys,
        Memory<UserRef?> addresses,
        List<UserKey> misses,
        CancellationToken cancellationToken)
    {
        var users = await FindAsync(service, misses, cancellationToken).ConfigureAwait(false);
        var found = users.ToDictionary(user => user.Sid, user => user.Identity);
        for (var index = 0; index < keys.Length; index++)
        {
            var key = keys.Span[index];
            if (addresses.Span[index] is null && found.TryGetValue(key.Sid, out var identity))
                addresses.Span[index] = new UserRef(identity, key.Sid, MayCreate: false);
        }
    }

    private async ValueTask<IReadOnlyList<UserState>> FindAsync(
        CachedService service, IReadOnlyList<UserKey> keys, CancellationToken cancellationToken)
    {
        var generation = sids?.Generation ?? 0;
        var read = await reader.FindUsersAsync(service.Sid, keys, cancellationToken).ConfigureAwait(false);
        // The SID may have passed to another service instance meanwhile. The users of that one must not be returned.
        if (read.Service.Id != service.Id)
            throw PresenceErrors.ServiceInstanceNotFound(service.Sid);
        if (sids is null)
            return read.Users;
        var named = keys.Where(key => key.IsSid).Select(key => key.Sid).ToHashSet();
        foreach (var user in read.Users)
        {
            if (named.Contains(user.Sid))
                sids.Add(service, user.Sid, user.Identity, generation);
        }
        return read.Users;
    }

    private static UserSid? SidOf(UserKey key) => key.IsSid ? key.Sid : null;
}
