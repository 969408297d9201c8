using GrpcPresence.Core.Domain.Cluster;
using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;
using GrpcPresence.Core.Writing;

namespace GrpcPresence.Core.Presence;

/// <summary>
/// Stores which sessions of a user ended, so that no heartbeat can begin them again after a restart. One command is queued for a user at a
/// time and stores all ends until it is decided, so that a caller that ends many sessions cannot fill the queue. Takes no revision.
/// ServiceInstanceNotFound; in a cluster also ShardMovedException.
/// </summary>
/// <param name="user">The user.</param>
/// <param name="isRepetition">
/// Whether the command stores ends again after lost commits, in addition to the one that callers wait for. If the store fails, the user
/// queues another one: no caller is left who would end the sessions again.
/// </param>
internal sealed class StoreEndedSessions(TrackedUser user, bool isRepetition = false) : Command<int>
{
    private UnstoredEnds? _ends; // kept when the command is decided again

    /// <summary>Whether the command has taken the ends, so that it stores no later one. Guarded by the part's lock.</summary>
    public bool HasTaken => _ends is not null;

    /// <inheritdoc/>
    internal override void Complete(ITrackedUsers users)
    {
        lock (user.Part.Gate)
        {
            if (!IsRejected)
                user.MarkEndsStored(_ends!);
            if (isRepetition)
                user.EndRepetition(this);
        }
        base.Complete(users);
    }

    /// <inheritdoc/>
    internal override void Fail(PresenceException reason)
    {
        if (isRepetition)
        {
            lock (user.Part.Gate)
                user.RetryRepetition(this);
        }
        base.Fail(reason);
    }

    /// <inheritdoc/>
    internal override void FailPermanently(PresenceException reason)
    {
        if (isRepetition)
        {
            lock (user.Part.Gate)
                user.EndRepetition(this);
        }
        base.FailPermanently(reason);
    }

    /// <inheritdoc/>
    internal override bool IsOfTracker => true;

    /// <inheritdoc/>
    public override CommandSubject Subject => new(user.Service.Sid, new UserKey(user.Identity));

    internal override ServiceSid? Target => user.Service.Sid;

    private protected override void CollectCore(KeyCollector keys) => keys.Service(user.Service.Sid);

    private protected override int DecideCore(CommandBatch batch)
    {
        if (_ends is null)
        {
            lock (user.Part.Gate)
            {
                if (user.IsLost)
                    throw new ShardMovedException(user.Shard);
                _ends = user.TakeUnstoredEnds(this);
            }
        }
        var service = batch.Service(user.Service.Sid);
        if (service.Id != user.Service.Id)
            throw PresenceErrors.ServiceInstanceNotFound(user.Service.Sid);
        foreach (var id in _ends.ToRemove)
            service.Rows.RemoveEndedSession(user.Identity, id);
        foreach (var (id, until) in _ends.ToStore)
            service.Rows.AddEndedSession(user.Identity, id, user.Part.Clock.ToUptime(until));
        return _ends.ToStore.Count;
    }
}
