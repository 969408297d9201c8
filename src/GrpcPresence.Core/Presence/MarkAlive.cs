using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Storage.Batches;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// Stores that some users are alive, so that a server that crashes again and again can distinguish them from users that are gone. Takes no
/// revision, because no client sees it.
/// </summary>
internal sealed class MarkAlive(IReadOnlyList<TrackedUser> users) : Command
{
    private volatile bool _isOver;

    /// <summary>Whether the users are marked, or the store failed.</summary>
    public bool IsOver => _isOver;

    /// <summary>
    /// Of no shard. It marks users of many, and a mark of a user that another node holds by now says what was true, and never lowers what
    /// is stored.
    /// </summary>
    public override CommandSubject Subject => default;

    /// <inheritdoc/>
    internal override ServiceSid? Target => null;

    /// <inheritdoc/>
    internal override void Collect(KeyCollector keys)
    {
    }

    /// <inheritdoc/>
    internal override void Decide(CommandBatch batch)
    {
        foreach (var user in users)
        {
            if (!user.IsLost)
                batch.MarkAlive(user.Service.Id, user.StoreId);
        }
    }

    /// <inheritdoc/>
    internal override void Settle(CounterShift shift)
    {
    }

    /// <inheritdoc/>
    internal override void Complete(ITrackedUsers tracked) => End(static user => user.NoteAliveMark());

    /// <inheritdoc/>
    internal override void Fail(PresenceException reason) => End(static user => user.RetryAliveMark());

    /// <inheritdoc/>
    internal override void Reset()
    {
    }

    /// <inheritdoc/>
    internal override void FailPermanently(PresenceException reason) => Fail(reason);

    private void End(Action<TrackedUser> note)
    {
        foreach (var user in users)
        {
            lock (user.Part.Gate)
                note(user);
        }
        _isOver = true;
    }
}
