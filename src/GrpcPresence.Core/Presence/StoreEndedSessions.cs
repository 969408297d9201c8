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
internal sealed class StoreEndedSessions(TrackedUser user) : Command<int>
{
    private IReadOnlyList<(SessionId Id, long Until)>? _toStore; // kept when the command is decided again
    private IReadOnlyList<SessionId> _toRemove = [];

    /// <inheritdoc/>
    internal override void Complete(ITrackedUsers users)
    {
        if (!IsRejected)
        {
            lock (user.Part.Gate)
                user.MarkEndsStored(_toStore!);
        }
        base.Complete(users);
    }

    /// <inheritdoc/>
    internal override bool IsOfTracker => true;

    /// <inheritdoc/>
    public override CommandSubject Subject => new(user.Service.Sid, new UserKey(user.Identity));

    internal override ServiceSid? Target => user.Service.Sid;

    private protected override void CollectCore(KeyCollector keys) => keys.Service(user.Service.Sid);

    private protected override int DecideCore(CommandBatch batch)
    {
        if (_toStore is null)
        {
            lock (user.Part.Gate)
            {
                if (user.IsLost)
                    throw new ShardMovedException(user.Shard);
                (_toStore, _toRemove) = user.TakeUnstoredEnds();
            }
        }
        var service = batch.Service(user.Service.Sid);
        if (service.Id != user.Service.Id)
            throw PresenceErrors.ServiceInstanceNotFound(user.Service.Sid);
        foreach (var id in _toRemove)
            service.Rows.RemoveEndedSession(user.Identity, id);
        foreach (var (id, until) in _toStore)
            service.Rows.AddEndedSession(user.Identity, id, user.Part.Clock.ToUptime(until));
        return _toStore.Count;
    }
}
