namespace GrpcPresence.Core.Storage.Batches;

/// <summary>Where the writer continues after <see cref="IPresenceStore.ReopenAsync"/>.</summary>
/// <param name="Generation">The generation that the next commits carry.</param>
/// <param name="LastCommit">The number of the last commit that happened.</param>
/// <param name="LastResult">
/// The result of that commit, so that a writer that did not receive it knows what is written; null if another process made the commit.
/// </param>
public readonly record struct WriterPosition(long Generation, long LastCommit, CommitResult? LastResult)
{
    /// <summary>
    /// The identity of the data in a cluster; <c>default</c> otherwise. When it is another one than before, or
    /// <see cref="LastCommit"/> is below an acknowledged commit, commits of all nodes may be lost.
    /// </summary>
    public DataIdentity Identity { get; init; }
}
