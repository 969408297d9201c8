using GrpcPresence.Core.Domain.Errors;

namespace GrpcPresence.Core.Writing;

/// <summary>
/// A unit of work for the writer. The writer's thread calls <see cref="Decide"/>, and then exactly one of the other methods.
/// </summary>
public abstract class Command
{
    /// <summary>
    /// Reads, decides and writes, in this order. A rejected command throws before it writes anything, so that the other commands of the
    /// batch are not affected.
    /// </summary>
    internal abstract void Decide(CommandBatch batch);

    /// <summary>Completes the command: its transaction is committed and published.</summary>
    internal abstract void Complete(ITrackedUsers users);

    /// <summary>Fails the command: the store failed, and the transaction did not happen.</summary>
    internal abstract void Fail(PresenceException reason);

    /// <summary>Forgets the decision: another command of the batch threw, so this one will be decided again.</summary>
    internal abstract void Reset();

    /// <summary>Fails the command for good: it threw an unexpected exception, and the writer does not try it again.</summary>
    internal abstract void FailPermanently(PresenceException reason);
}
