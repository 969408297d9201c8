using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The users of a shard by service instance and identity: a hash table whose entries are the users themselves, a third of the memory of a dictionary
/// with that key. It can be walked a few buckets at a time, with the lock released in between. Guarded by the shard's lock.
/// </summary>
internal sealed class UserTable
{
    private const int LeastBuckets = 16;

    private TrackedUser?[] _buckets = new TrackedUser?[LeastBuckets];

    /// <summary>How many users there are.</summary>
    public int Count { get; private set; }

    /// <summary>How many buckets there are; a walk begins again when it changes.</summary>
    public int BucketCount => _buckets.Length;

    /// <summary>The first user of a bucket; the others hang on <see cref="TrackedUser.NextInBucket"/>.</summary>
    public TrackedUser? Bucket(int index) => _buckets[index];

    /// <summary>The hash of a user, randomized for each process as strings' are.</summary>
    public static int HashOf(long serviceId, Identity identity) => HashCode.Combine(serviceId, identity);

    /// <summary>The user; null when there is none.</summary>
    public TrackedUser? Find(long serviceId, Identity identity, int hash)
    {
        var user = BucketOf(hash);
        while (user is not null && (user.Hash != hash || user.Service.Id != serviceId || user.Identity != identity))
            user = user.NextInBucket;
        return user;
    }

    /// <summary>Adds a user who is not there.</summary>
    public void Add(TrackedUser user)
    {
        if (Count == _buckets.Length)
            Resize(_buckets.Length * 2);
        Count++;
        Link(user);
    }

    /// <summary>Removes a user who is there.</summary>
    public void Remove(TrackedUser user)
    {
        ref var link = ref BucketOf(user.Hash);
        while (link != user)
            link = ref link!.NextInBucket;
        link = user.NextInBucket;
        user.NextInBucket = null;
        // An eighth, so that growing and shrinking do not take turns.
        if (--Count < _buckets.Length / 8 && _buckets.Length > LeastBuckets)
            Resize(_buckets.Length / 2);
    }

    // The lowest bits choose the shard, and so say nothing within it.
    private ref TrackedUser? BucketOf(int hash) => ref _buckets[((uint)hash >> PresenceTracker.ShardBits) & (uint)(_buckets.Length - 1)];

    private void Link(TrackedUser user)
    {
        ref var bucket = ref BucketOf(user.Hash);
        user.NextInBucket = bucket;
        bucket = user;
    }

    private void Resize(int size)
    {
        var old = _buckets;
        _buckets = new TrackedUser?[size];
        foreach (var first in old)
        {
            for (var user = first; user is not null;)
            {
                var next = user.NextInBucket;
                Link(user);
                user = next;
            }
        }
    }
}
