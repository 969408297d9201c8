using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Tenants;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// A part of the tracked users, with the lock that guards them, their sessions, and everything here. Inside it the locks of the change queue, of a
/// heartbeat stream and of the SID index may be taken.
/// </summary>
internal sealed class TrackerShard(LeaseClock clock, CommandQueue queue, SidIndex sids)
{
    /// <summary>
    /// Users that are looked at in one hold of the lock by what goes through many: some tens of microseconds, so that a heartbeat does not notice.
    /// </summary>
    public const int UsersPerHold = 256;

    private List<TrackedUser>? _recovered; // whose anonymous leases do not run yet; null when there is none

    /// <summary>
    /// Guards the users of the shard. Under it there is no I/O, no await and no log. Never take two shards' locks at once.
    /// </summary>
    public Lock Gate { get; } = new();

    /// <summary>The writer's queue.</summary>
    public CommandQueue Queue { get; } = queue;

    /// <summary>The clock of leases.</summary>
    public LeaseClock Clock { get; } = clock;

    /// <summary>Who is found by SID.</summary>
    public SidIndex Sids { get; } = sids;

    /// <summary>When to look at whom.</summary>
    public TimingWheel Wheel { get; } = new();

    /// <summary>The users.</summary>
    public UserTable Users { get; } = new();

    // Written under the gate; the sessions are read by anybody, for metrics.
    public long LiveSessions;

    // Transitions since they were last taken.
    public long CameOnline;
    public long WentOffline;

    /// <summary>The user, tracked from now on if not before. Under the gate.</summary>
    public TrackedUser GetOrAdd(CachedService service, Identity identity, int hash)
    {
        if (Users.Find(service.Id, identity, hash) is { } known)
            return known;
        var user = new TrackedUser(service, identity, hash, this);
        Users.Add(user);
        return user;
    }

    /// <summary>Forgets a user of whom nothing needs to be known any more. Under the gate.</summary>
    public void RemoveIfIdle(TrackedUser user)
    {
        // The writer may still hold a user that has left the shard.
        if (!user.IsIdle || Users.Find(user.Service.Id, user.Identity, user.Hash) != user)
            return;
        Wheel.Remove(user);
        Users.Remove(user);
        user.Leave();
    }

    /// <summary>The anonymous lease of the user will run from <see cref="StartBatch"/> on. Under the gate.</summary>
    public void AwaitStart(TrackedUser user) => (_recovered ??= []).Add(user);

    /// <summary>Lets anonymous leases run; true when there may be more. Takes the lock.</summary>
    public bool StartBatch(long now)
    {
        lock (Gate)
        {
            for (var left = UsersPerHold; left > 0; left--)
            {
                if (_recovered is not { Count: > 0 })
                {
                    _recovered = null;
                    return false;
                }
                _recovered[^1].StartAnonymous(now);
                _recovered.RemoveAt(_recovered.Count - 1);
            }
            return true;
        }
    }

    /// <summary>Ends leases that have run out; true when there may be more. Notes by how much each was over. Takes the lock.</summary>
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

    /// <summary>Queues the online users of the service instance, from a bucket on; -1 when that was the last. Takes the lock.</summary>
    public int ReconsiderBatch(CachedService service, int bucket, ref int bucketCount)
    {
        lock (Gate)
        {
            // Resizing moves users between buckets, so the walk begins again; a user that is queued already is left alone.
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

    /// <summary>The transitions since the last time. Takes the lock.</summary>
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
