using System.Collections.Immutable;
using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Core.Storage.Cluster;

/// <summary>
/// The storage port of a node of a cluster: several nodes write to one store, each through an instance of its own. These comments are the
/// contract, and the conformance suite of clusters in the tests checks every implementation against it. The members of
/// <see cref="IPresenceStore"/> itself belong to the writer's thread. The members of this interface are called from any thread, also at the
/// same time.
/// </summary>
/// <remarks>
/// <para>
/// <b>Rows.</b> The store keeps a <i>fence row</i> for each node name (the last run and whether it is active), a <i>lease row</i> for each
/// node name (its last renewal), and a row for each shard (its holder, or none, and its epoch). A commit holds the fence row, so the lease
/// is a row of its own. A counter of the cluster gives epochs: each transaction that changes rows of shards takes the next one and writes
/// it into all of them. So a higher epoch is never visible before a lower one, and an epoch is never given to two nodes. When the data went
/// back, its <see cref="DataIdentity"/> is a new one before the first write, and the counter moves above every epoch that it ever gave.
/// </para>
/// <para>
/// <b>Fence.</b> A call that writes for a node first takes the fence row of the node, and throws <see cref="NodeEvictedException"/> unless
/// that run is active. It writes only then. So once a run has left or was evicted, nothing of it is written any more, also not by a call
/// that was on its way. Reads are not fenced.
/// </para>
/// <para>
/// <b>Commits.</b> In a cluster every <see cref="BatchWrites"/> names its node, and the store throws <see
/// cref="InvalidOperationException"/> for one that does not. Generation, number and last result of commits belong to the node name. A call
/// of <see cref="IPresenceStore.ReopenAsync"/> before <see cref="JoinAsync"/> throws <see cref="InvalidOperationException"/>. After the
/// fence, the commit compares the data. Unless <see cref="BatchWrites.Data"/> is the data of the store, it throws <see
/// cref="OtherDataException"/> and writes nothing, and not its number either. This holds whatever the generation and the number are: after
/// the data went back, they may be those that the commit names. Then it compares the shards that it names. If the node does not hold one
/// of <see cref="BatchWrites.Shards"/> or <see cref="BatchWrites.Switches"/> under the epoch that it names, nothing is written except the
/// number, and <see cref="CommitResult.LostShards"/> names all such shards. A switch to a node that is not active writes nothing except the
/// number either: <see cref="CommitResult.SwitchEpoch"/> is then null. An alive mark never lowers the stored value. An uptime never lowers
/// the stored one: the store keeps the later time and the larger total.
/// </para>
/// <para>
/// <b>Shared by all nodes.</b> All nodes share the timeline (see <see cref="IStoreReader"/>). It does not change when a node joins, and
/// changes with the <see cref="DataIdentity"/>. Batches, polls and pages name the timeline of their moment too, whatever the node knew at
/// its last call. <see cref="IPresenceStore.PurgeAsync"/> removes rows only of service instances whose home shard the
/// node holds, so two nodes do not purge the same rows.
/// </para>
/// <para>
/// <b>Time.</b> Each call ends within <see cref="Domain.Limits.StoreCall"/>, also if the network drops everything: then with a <see
/// cref="StorageException"/>, and the connection is closed. A node has one call of a kind in flight; it cancels only polls and renewals, to
/// replace them. Cancellation ends a call at once: what the store registers with the token must not block. No call compares times of the
/// store's clock, which may be set forward or back. Each node counts the age of leases on its own monotonic clock.
/// </para>
/// </remarks>
/// <exception cref="StorageException">From every method: the store cannot be used now. The outcome of a write is then unknown.</exception>
public interface IClusterStore : IPresenceStore
{
    /// <summary>
    /// Adds an active fence row of the run, and a lease row with renewal 0 and without members. Returns null when the
    /// run has joined, also if it had joined before. While an earlier run of the name is active, changes nothing and returns the lease of
    /// that run: it must be evicted first. The node then calls this again.
    /// </summary>
    /// <exception cref="NodeEvictedException">The run has left, was evicted, or a later run of the name has joined.</exception>
    ValueTask<NodeLease?> JoinAsync(NodeId node, CancellationToken cancellationToken);

    /// <summary>
    /// Marks the fence row of the run as left and makes its shards ownerless. No commit of the run happens after it returns true. Returns
    /// false and changes nothing if the data is not <paramref name="data"/>: what the run has written may be lost, and only the run can
    /// write it again. Returns true and changes nothing if the run is not active.
    /// </summary>
    ValueTask<bool> LeaveAsync(NodeId node, DataIdentity data, CancellationToken cancellationToken);

    /// <summary>
    /// Renews the lease of an active run: stores the number, the active nodes as the members of this renewal, and
    /// <paramref name="acknowledged"/>. Returns the members, and the data that holds the lease. A renewal whose number is not
    /// above the stored one changes nothing and throws <see cref="StorageException"/>: it was on its way while a later one happened.
    /// </summary>
    /// <param name="node">The run.</param>
    /// <param name="number">The number of the renewal; at least 1, and above that of each earlier attempt.</param>
    /// <param name="acknowledged">
    /// The members that the last answer named that the run has received in time. A majority of them may confirm the run while the store
    /// does not answer. Empty before the first answer.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends the waiting. The renewal may still happen. The loop of the node cancels it: what the store registers with it must not block.
    /// </param>
    /// <exception cref="NodeEvictedException">The run is not active.</exception>
    ValueTask<RenewedLease> RenewAsync(
        NodeId node, long number, ImmutableArray<NodeId> acknowledged, CancellationToken cancellationToken);

    /// <summary>
    /// Evicts a run. In one transaction, if the data is <paramref name="data"/>, the run is active, and the number of its last renewal is
    /// <paramref name="renewal"/>: marks its fence row as dead and makes its shards ownerless. Returns whether it did. A commit of the run
    /// that holds the fence row does not delay this: the store ends its session. The store checks neither votes nor the age of the renewal.
    /// </summary>
    ValueTask<bool> EvictAsync(NodeId node, DataIdentity data, long renewal, CancellationToken cancellationToken);

    /// <summary>
    /// Takes those of the shards that have no holder, all with one new epoch, and returns what it took, by ascending number. When two nodes
    /// claim a shard at once, one of them takes it. Takes nothing if the data is not <paramref name="data"/>.
    /// </summary>
    /// <exception cref="NodeEvictedException">The run is not active.</exception>
    ValueTask<ImmutableArray<ShardHolder>> ClaimAsync(
        NodeId node, DataIdentity data, IReadOnlyCollection<Shard> shards, CancellationToken cancellationToken);

    /// <summary>
    /// Returns what has changed since an earlier poll, at one moment: no commit lies between two parts of it. A poll from what an earlier
    /// one returned contains nothing that the earlier one contained, unless it changed again.
    /// </summary>
    ValueTask<ClusterPoll> PollAsync(KnownCluster known, CancellationToken cancellationToken);

    /// <summary>
    /// Returns users of the shard with a key above <paramref name="afterId"/>, by ascending key, in all service instances, that are online
    /// and known. While one node holds the shard and stores nothing in it, the pages together are one moment. Within a service instance, a
    /// user that appears meanwhile has a key above all that are visible, so no page misses it.
    /// </summary>
    ValueTask<IReadOnlyList<StoredOnlineUser>> ListOnlineUsersAsync(
        Shard shard, long afterId, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Returns ended sessions of users of the shard with a key above <paramref name="afterId"/>, by ascending key, in all service
    /// instances, expired or not. Keys are unique in the store.
    /// </summary>
    ValueTask<IReadOnlyList<StoredEndedSession>> ListEndedSessionsAsync(
        Shard shard, long afterId, int limit, CancellationToken cancellationToken);
}
