using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// A part of the tracked users, with the lock that guards everything here. The locks of the command queue, of a heartbeat stream and of the
/// SID index may be taken inside it.
/// </summary>
internal sealed class TrackerPart(LeaseClock clock, CommandQueue queue, SidIndex sids)
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

    /// <summary>Stops tracking a user without any remaining state. Call it under the lock.</summary>
    public void RemoveIfIdle(TrackedUser user)
    {
        // The writer may still hold a user that has left the part.
        if (!user.IsIdle || Users.Find(user.Service.Id, user.Identity, user.Hash) != user)
            return;
        Wheel.Remove(user);
        Users.Remove(user);
        user.Leave();
    }

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
            target.AddRange(_unmarked[^count..]);
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
                user.Expire(now, lateness);
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
                    if (user.Service.Id == service.Id)
                        user.Reconsider();
                }
            }
            return bucket < bucketCount ? bucket : -1;
        }
    }

    /// <summary>Returns the transitions since the last call. Takes the lock.</summary>
    public (long CameOnline, long WentOffline) TakeTransitions()
    {
        lock (Gate)
        {
            var taken = (CameOnline, WentOffline);
            (CameOnline, WentOffline) = (0, 0);
            return taken;
        }
    }
}
