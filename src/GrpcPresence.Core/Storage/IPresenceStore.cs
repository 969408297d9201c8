using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Storage;

/// <summary>
/// The storage port: what the service needs from a database. These comments are the contract, and the conformance suite in the tests checks
/// every implementation against it. Only the writer's thread calls the members of this interface itself; reads come from any thread.
/// </summary>
/// <exception cref="StorageException">From every method: the store cannot be used now.</exception>
public interface IPresenceStore : IStoreReader, IDisposable
{
    /// <summary>Begins the only write transaction. The previous one must be disposed of first.</summary>
    IStoreTransaction BeginTransaction();

    /// <summary>
    /// Drops the writing connection and opens a new one, after a commit that reported failure. Returns the
    /// <see cref="IStoreTransaction.Id"/> of the last transaction that is actually committed.
    /// </summary>
    long Reopen();

    /// <summary>
    /// Lets the store do maintenance, such as a checkpoint. Called after each round of the writer, outside any transaction.
    /// <paramref name="idle"/> says that the round found nothing to write. Does not throw for work that can be done later.
    /// </summary>
    void Maintain(bool idle);
}
