using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage.Batches;

namespace GrpcPresence.Core.Writing;

/// <summary>
/// A unit of work for the writer. The writer's thread calls <see cref="Collect"/>, then <see cref="Decide"/>, and then exactly one of
/// <see cref="Complete"/>, <see cref="Fail"/>, <see cref="FailPermanently"/>; or <see cref="Reset"/>, after which it begins again.
/// <see cref="Complete"/> follows <see cref="Fail"/> if the outcome of the commit was unknown and it turns out to have happened.
/// </summary>
public abstract class Command
{
    /// <summary>
    /// Whether the tracker has queued the command. It is written even if its shard is sealed. A sealed shard takes no other command: the
    /// next holder runs it.
    /// </summary>
    internal virtual bool IsOfTracker => false;

    /// <summary>
    /// The service instance to which the command writes; null if it writes to none, except marks of users that are alive. If that service
    /// instance is stale, the command is decided again.
    /// </summary>
    internal abstract ServiceSid? Target { get; }

    /// <summary>
    /// What the command decides about, which gives its shard in a cluster. Computed when asked: a single node never asks.
    /// </summary>
    public virtual CommandSubject Subject => new(Target);

    /// <summary>Adds everything that <see cref="Decide"/> may look up.</summary>
    internal abstract void Collect(KeyCollector keys);

    /// <summary>
    /// Reads, decides and writes, in this order, in memory. A rejected command throws before it writes anything, so that the other commands
    /// of the batch are not affected.
    /// </summary>
    internal abstract void Decide(CommandBatch batch);

    /// <summary>
    /// Moves the result to the revisions and keys that are stored, if they are not those that the command took. Called before
    /// <see cref="Complete"/>.
    /// </summary>
    internal abstract void Settle(CounterShift shift);

    /// <summary>Completes the command: it is committed and published.</summary>
    internal abstract void Complete(ITrackedUsers users);

    /// <summary>Fails the command: the store failed, and the commit did not happen or its outcome is unknown.</summary>
    internal abstract void Fail(PresenceException reason);

    /// <summary>
    /// Forgets the decision, because the command will be decided again: its service instance was stale, or another command of the batch
    /// threw an unexpected exception.
    /// </summary>
    internal abstract void Reset();

    /// <summary>
    /// Fails the command for good, decided or not: it threw an unexpected exception, or another node holds its shard. The writer does not
    /// try it again.
    /// </summary>
    internal abstract void FailPermanently(PresenceException reason);
}
