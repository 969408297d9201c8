using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// Compares what the tracker believes to be stored of the users of a shard with what the store holds, after commits may have been lost, and
/// queues each user that differs. Queues the ends of sessions that the tracker remembers, too. The order: begin the check, then read the
/// pages of online users, add all of them, complete. Use it from one thread at a time.
/// </summary>
/// <remarks>
/// Heartbeats and commits go on meanwhile, so a page may be older than a commit. Then the user is queued in vain, and the writer's decision
/// finds nothing to store. A user that the tracker does not know and the store holds online has no session here: it goes offline at once,
/// as it did before the commit was lost.
/// </remarks>
public sealed class StoredPresenceCheck
{
    private readonly Shard _shard;
    private readonly TrackerPart _part;
    private readonly ShardStates _states;
    private readonly HashSet<TrackedUser> _unseen;

    internal StoredPresenceCheck(Shard shard, TrackerPart part, ShardStates states)
    {
        (_shard, _part, _states) = (shard, part, states);
        _unseen = [.. part.ListUsersOf(shard)];
        // The store may give the keys of users that it lost to other users.
        ShardUsers.ForEach(part, [.. _unseen], static user => user.RepeatAfterLoss());
    }

    /// <summary>Adds a user that the store holds online.</summary>
    public void Add(CachedService service, in StoredOnlineUser stored)
    {
        var hash = UserTable.HashOf(_shard, service.Id, stored.Identity);
        lock (_part.Gate)
        {
            if (!_states.Gates[_shard].IsHeld)
                return;
            var user = _part.GetOrAdd(service, stored.Identity, hash);
            _unseen.Remove(user);
            user.Reread(stored);
        }
    }

    /// <summary>Handles the users that the store does not hold online.</summary>
    public void Complete() => ShardUsers.ForEach(_part, [.. _unseen], user =>
    {
        if (_states.Gates[_shard].IsHeld)
            user.Reread(stored: null);
    });
}
