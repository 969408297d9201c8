using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;

namespace GrpcPresence.Core.Storage.Batches;

/// <summary>
/// The storage port: what the service needs from a database. These comments are the contract, and the conformance suite in the tests checks
/// every implementation against it. Only the writer's thread calls the members of this interface itself, one at a time; reads come from any
/// thread. A call ends by itself within seconds, because the store bounds how long it waits for locks and for the network. So no call takes
/// a token, which would leave the outcome of a commit unknown.
/// </summary>
/// <remarks>
/// <para>
/// The writer collects what a batch needs, reads it in one call, decides in memory, and commits in one call. It holds no lock in between.
/// So a commit names what was read of each service instance, and the store writes nothing to a service instance of which another writer has
/// changed that since. The writer then reads and decides again for that service instance alone.
/// </para>
/// <para>
/// A change of other users does not make a service instance stale. It takes revisions and keys that the batch may have taken too, so the
/// store adds to those of the batch what the counters have grown by since they were read: to revisions above the one that was read, and to
/// keys from the next one that was read on. A store that expects no other writer may find more stale: all to which another writer has
/// written.
/// </para>
/// <para>
/// A store that is in this process completes each call before it returns, on the writer's thread. The writer's thread waits for a store
/// that completes later.
/// </para>
/// </remarks>
/// <exception cref="StorageException">From every method: the store cannot be used now.</exception>
public interface IPresenceStore : IStoreReader, IDisposable
{
    /// <summary>
    /// Reads what a batch needs, at one moment: no commit lies between two parts of it. Never older than the last commit of this writer.
    /// </summary>
    /// <param name="keys">What to read.</param>
    /// <param name="read">Receives the answers. Empty before the call; meaningless if the call throws.</param>
    ValueTask ReadBatchAsync(BatchKeys keys, BatchRead read);

    /// <summary>
    /// Writes a batch durably and at once: readers see either all of it or none of it. Leaves out each service instance that is stale. If
    /// the directory is stale, writes nothing of the batch. The same if a service instance is stale that the commit creates or deletes,
    /// because a deletion also revokes API keys. Raises the version of each service instance whose settings it changes, that of each user
    /// that it changes, and that of the directory if it writes to that.
    /// </summary>
    /// <remarks>
    /// <para>
    /// A service instance is stale if its version is not the one that was read, if it is deleted, or if its SID was taken; if a user to
    /// change or to remove has another version or is gone; if an identity, an address or a SID to add is taken; if a user that is not
    /// removed has the identity of a tombstone; if the webhook to replace has another position; if there would be too many users; and if
    /// the batch depends on a revision that is not the last one.
    /// </para>
    /// <para>
    /// The commit happens only under the present generation, and only with the number after that of the last commit that happened.
    /// Otherwise it throws <see cref="StorageException"/> and writes nothing. So a commit that was given up and is still on its way cannot
    /// happen after <see cref="ReopenAsync"/> said that it did not. A commit whose service instances are all stale happens as well, and
    /// takes its number.
    /// </para>
    /// <para>
    /// The revisions that a commit takes belong to the timeline that the batch has read. No other timeline can have begun in between: each
    /// start begins one, and ends the generations of before; where nodes share the data, another timeline has another
    /// <see cref="DataIdentity"/>, and the commit names the one that was known before the read.
    /// </para>
    /// </remarks>
    /// <exception cref="StorageException">The outcome is unknown until <see cref="ReopenAsync"/>.</exception>
    ValueTask<CommitResult> CommitAsync(BatchWrites writes);

    /// <summary>
    /// Removes at most <paramref name="limit"/> rows that are no longer needed: those of deleted service instances, tombstones from before
    /// <paramref name="tombstonesBefore"/>, for which it raises <see cref="ServiceRecord.PurgedRevision"/>, and ended sessions whose time
    /// the stored uptime has passed. Returns the number of removed rows; 0 means that nothing is left to purge. Takes no number, because a
    /// purge whose outcome is unknown is simply made again.
    /// </summary>
    ValueTask<int> PurgeAsync(DateTimeOffset tombstonesBefore, int limit);

    /// <summary>
    /// Begins a new generation of the writer: before its first commit, and after a call that failed. Drops the writing connection, if there
    /// is one, and opens another. No commit of an earlier generation happens after it returns.
    /// </summary>
    ValueTask<WriterPosition> ReopenAsync();

    /// <summary>
    /// Lets the store do maintenance, such as a checkpoint. Called after each round of the writer. <paramref name="idle"/> says that the
    /// round found nothing to write. Does not throw for work that can be done later.
    /// </summary>
    void Maintain(bool idle);
}
