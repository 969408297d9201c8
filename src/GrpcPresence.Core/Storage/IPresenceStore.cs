using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Storage;

/// <summary>
/// The storage port: what the service needs of a database. These comments are the contract, and the conformance suite in the tests holds every
/// implementation to it. Only the writer's thread calls the members of this interface itself; reads come from any thread.
/// </summary>
/// <exception cref="StorageException">From every method: the store cannot be used now.</exception>
public interface IPresenceStore : IStoreReader, IDisposable
{
    /// <summary>Begins the one write transaction. The one before must be disposed of.</summary>
    IStoreTransaction BeginTransaction();

    /// <summary>
    /// Drops the writing connection and opens a new one, after a commit that reported failure. Returns the <see cref="IStoreTransaction.Id"/> of the
    /// last transaction that is really committed.
    /// </summary>
    long Reopen();

    /// <summary>
    /// Called after each round of the writer, outside any transaction: the store may tidy up (a checkpoint). <paramref name="idle"/> says that the round
    /// found nothing to write. Never throws for what can be done later.
    /// </summary>
    void Maintain(bool idle);
}
