using GrpcPresence.Core.Errors;

namespace GrpcPresence.Core.Changes;

/// <summary>
/// Something that is to be decided and stored. The writer's thread calls <see cref="Decide"/>, and then one of the
/// others.
/// </summary>
public abstract class Change
{
    /// <summary>
    /// Reads, decides, and writes, in that order: what throws, throws before it has written, so that a refused change costs its neighbours nothing.
    /// </summary>
    internal abstract void Decide(ChangeBatch batch);

    /// <summary>The transaction is committed and published.</summary>
    internal abstract void Complete(IUserCells cells);

    /// <summary>The transaction did not happen: the store failed.</summary>
    internal abstract void Fail(PresenceException reason);

    /// <summary>The transaction did not happen, through a fault of another change: this one will be decided again.</summary>
    internal abstract void Undecide();

    /// <summary>The change itself is faulty and is not tried again.</summary>
    internal abstract void Abandon(PresenceException reason);
}
