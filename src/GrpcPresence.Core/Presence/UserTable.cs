using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// The users of a part, by service instance and identity: a hash table whose nodes are the users themselves. It takes a third of the
/// memory of a dictionary with that key. It can be walked a few buckets at a time, with the lock released in between. Guarded by the
/// part's lock.
/// </summary>
internal sealed class UserTable
{
    private const int MinBuckets = 16;

    /// <summary>The bits of a shard number. The rest are enough for 4 million buckets of each part.</summary>
    private const int ShardBits = 10;

    private TrackedUser?[] _buckets = new TrackedUser?[MinBuckets];

    /// <summary>The number of users.</summary>
    public int Count { get; private set; }

    /// <summary>The number of buckets. A walk must start again when it changes.</summary>
    public int BucketCount => _buckets.Length;

    /// <summary>Returns the first user of a bucket. The others follow through <see cref="TrackedUser.NextInBucket"/>.</summary>
    public TrackedUser? Bucket(int index) => _buckets[index];

    /// <summary>Returns the hash of a user, randomized for each process like the hashes of strings.</summary>
    public static int HashOf(long serviceId, Identity identity) => HashCode.Combine(serviceId, identity);

    /// <summary>
    /// Returns the hash of a user in a cluster. Its lowest bits are the number of the shard, so that all users of a shard are in one part
    /// of the tracker, and each user knows its shard without another field. The others are randomized. Computing the shard adds about
    /// 0.1 µs to a heartbeat.
    /// </summary>
    public static int HashOf(Shard shard, long serviceId, Identity identity) =>
        (HashOf(serviceId, identity) << ShardBits) | shard.Number;

    /// <summary>Returns the shard of a user in a cluster.</summary>
    public static Shard ShardOf(int hash) => new(hash & (Shard.Count - 1));

    /// <summary>Returns the user, or null.</summary>
    public TrackedUser? Find(long serviceId, Identity identity, int hash)
    {
        var user = BucketOf(hash);
        while (user is not null && (user.Hash != hash || user.Service.Id != serviceId || user.Identity != identity))
            user = user.NextInBucket;
        return user;
    }

    /// <summary>Adds a user that is not in the table.</summary>
    public void Add(TrackedUser user)
    {
        if (Count == _buckets.Length)
            Resize(_buckets.Length * 2);
        Count++;
        Link(user);
    }

    /// <summary>Removes a user that is in the table.</summary>
    public void Remove(TrackedUser user)
    {
        ref var link = ref BucketOf(user.Hash);
        while (link != user)
            link = ref link!.NextInBucket;
        link = user.NextInBucket;
        user.NextInBucket = null;
        // An eighth, so that growing and shrinking do not alternate.
        if (--Count < _buckets.Length / 8 && _buckets.Length > MinBuckets)
            Resize(_buckets.Length / 2);
    }

    // The lowest bits choose the part, so they are equal for all users of it. In a cluster, a few more are equal for all users of a shard.
    private ref TrackedUser? BucketOf(int hash) => ref _buckets[((uint)hash >> ShardBits) & (uint)(_buckets.Length - 1)];

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
