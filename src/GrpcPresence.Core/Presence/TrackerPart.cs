using GrpcPresence.Core.Domain;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Storage;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// A part of the tracked users, with the lock that guards everything here. The locks of the command queue, of a heartbeat stream and of the
/// SID index may be taken inside it.
/// </summary>
internal sealed class TrackerPart(LeaseClock clock, CommandQueue queue, SidIndex sids, ShardStates? shards)
{
    /// <summary>
    /// The maximum number of users that a sweep visits under one hold of the lock: a few tens of microseconds, so that heartbeats are not
    /// delayed noticeably.
    /// </summary>
    public const int UsersPerHold = 256;

    private readonly List<TrackedUser> _unmarked = []; // users that the store must learn to be alive

    /// <summary>
    /// Guards the users of the part. No I/O, await or logging is allowed under it. Never take two parts' locks at once.
    /// </summary>
    public Lock Gate { get; } = new();

    /// <summary>The writer's queue.</summary>
    public CommandQueue Queue { get; } = queue;

    /// <summary>The clock of leases.</summary>
    public LeaseClock Clock { get; } = clock;

    /// <summary>The index of tracked users by SID.</summary>
    public SidIndex Sids { get; } = sids;

    /// <summary>The shards of a cluster; null outside of one.</summary>
    public ShardStates? Shards { get; } = shards;

    /// <summary>The timing wheel of the part's users.</summary>
    public TimingWheel Wheel { get; } = new();

    /// <summary>The users.</summary>
    public UserTable Users { get; } = new();

    // Written under the lock. Metrics read the number of sessions without it.
    public long LiveSessions;

    // The transitions since <see cref="TakeTransitions"/> last ran.
    public long CameOnline;
    public long WentOffline;

    /// <summary>Returns the user, and begins to track it if needed. Call it under the lock.</summary>
    public TrackedUser GetOrAdd(CachedService service, Identity identity, int hash)
    {
        if (Users.Find(service.Id, identity, hash) is { } known)
            return known;
        var user = new TrackedUser(service, identity, hash, this);
        Users.Add(user);
        return user;
    }

    /// <summary>Whether the user is tracked, and not another object for the same one. Call it under the lock.</summary>
    public bool Tracks(TrackedUser user) => Users.Find(user.Service.Id, user.Identity, user.Hash) == user;

    /// <summary>Stops tracking a user without any remaining state. Call it under the lock.</summary>
    public void RemoveIfIdle(TrackedUser user)
    {
        if (user.IsIdle)
            Remove(user);
    }

    /// <summary>Stops tracking a user, whatever its state. Call it under the lock.</summary>
    public void Remove(TrackedUser user)
    {
        if (!Tracks(user)) // the writer may still hold a user that has left the part
            return;
        Wheel.Remove(user);
        Users.Remove(user);
        user.Leave();
    }

    /// <summary>
    /// Whether this node decides about the user. Only then a session may begin, end or expire. Call it under the lock.
    /// </summary>
    public bool IsOpen(TrackedUser user) => Shards is null || Shards.Gates.IsOpen(user.Shard);

    /// <summary>
    /// Returns the uptime up to which another process knew the user, if this one took the user over, and the wall time of that. Call it
    /// under the lock.
    /// </summary>
    public ServerUptime TakenOver(TrackedUser user) => Shards is null ? Clock.Earlier : Shards.TakenOver(user.Shard);

    /// <summary>Has the store learn that the user is alive, in the background. Call it under the lock.</summary>
    public void AwaitAliveMark(TrackedUser user) => _unmarked.Add(user);

    /// <summary>Moves at most so many users that wait for a mark into the list. Takes the lock.</summary>
    public void TakeUnmarked(List<TrackedUser> target, int max)
    {
        lock (Gate)
        {
            var count = Math.Min(max, _unmarked.Count);
            if (count == 0)
                return;
            target.AddRange(_unmarked[^count..]); // also users whose shard was lost since: the mark skips them
            _unmarked.RemoveRange(_unmarked.Count - count, count);
        }
    }

    /// <summary>Ends some expired leases; returns true if more may remain. Adds the lateness of each to the list. Takes the lock.</summary>
    public bool ExpireBatch(List<long> lateness)
    {
        lock (Gate)
        {
            var now = Clock.Now;
            for (var left = UsersPerHold; left > 0; left--)
            {
                if (Wheel.Next(now) is not { } user)
                    return false;
                // Nobody goes offline because of a shard that is being moved. The leases go on when the shard opens.
                if (IsOpen(user))
                    user.Expire(now, lateness);
                else
                    Wheel.Put(user, now + Limits.Tick.Ticks);
            }
            return true;
        }
    }

    /// <summary>
    /// Queues the online users of the service instance in some buckets, from the given one on. Returns the next bucket, or -1 at the end.
    /// Takes the lock.
    /// </summary>
    public int ReconsiderBatch(CachedService service, int bucket, ref int bucketCount)
    {
        lock (Gate)
        {
            // Resizing moves users between buckets, so the walk starts again. Users that are queued already are skipped.
            if (bucketCount != Users.BucketCount)
                (bucket, bucketCount) = (0, Users.BucketCount);
            var end = Math.Min(bucket + UsersPerHold, bucketCount);
            for (; bucket < end; bucket++)
            {
                for (var user = Users.Bucket(bucket); user is not null; user = user.NextInBucket)
                {
                    // A shard that opens later reconsiders all its users then.
                    if (user.Service.Id == service.Id && IsOpen(user))
                        user.Reconsider();
                }
            }
            return bucket < bucketCount ? bucket : -1;
        }
    }

    /// <summary>
    /// Returns all users of a shard, each once. Walks all users of the part, under one hold of the lock for some of them. Call it while the
    /// gate of the shard is not open, or for users that were tracked before the call: others may be missing.
    /// </summary>
    /// <remarks>
    /// Measured: 1.0 ms for the 975 users of a shard among a million tracked users, at most 256 buckets under one hold of the lock. Shards
    /// move seldom, so an index that would cost memory for each user is not worth it.
    /// </remarks>
    public List<TrackedUser> ListUsersOf(Shard shard)
    {
        var users = new List<TrackedUser>();
        for (int bucket = 0, bucketCount = 0; bucket >= 0;)
            bucket = ListBatch(shard, users, bucket, ref bucketCount);
        return users;
    }

    private int ListBatch(Shard shard, List<TrackedUser> target, int bucket, ref int bucketCount)
    {
        lock (Gate)
        {
            // Resizing moves users between buckets, so the walk starts again.
            if (bucketCount != Users.BucketCount)
            {
                (bucket, bucketCount) = (0, Users.BucketCount);
                target.Clear();
            }
            var end = Math.Min(bucket + UsersPerHold, bucketCount);
            for (; bucket < end; bucket++)
            {
                for (var user = Users.Bucket(bucket); user is not null; user = user.NextInBucket)
                {
                    if (user.Shard == shard)
                        target.Add(user);
                }
            }
            return bucket < bucketCount ? bucket : -1;
        }
    }

    /// <summary>Returns the transitions since the last call. Takes the lock.</summary>
    public (long CameOnline, long WentOffline) TakeTransitions()
    {
        // Most parts have none in most ticks. One that this read misses is taken by the next tick.
        if (Volatile.Read(ref CameOnline) == 0 && Volatile.Read(ref WentOffline) == 0)
            return default;
        lock (Gate)
        {
            var taken = (CameOnline, WentOffline);
            (CameOnline, WentOffline) = (0, 0);
            return taken;
        }
    }
}
