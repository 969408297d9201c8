using GrpcPresence.Core.Domain.Errors;
using GrpcPresence.Core.Domain.Services;
using GrpcPresence.Core.Domain.Users;

namespace GrpcPresence.Core.Writing.Commands;

/// <summary>
/// Deletes a user with its push bindings and ends its sessions. UserNotFound; EtagMismatch if the given etag is not the current one.
/// </summary>
/// <param name="serviceSid">The service instance.</param>
/// <param name="key">The user.</param>
/// <param name="etag">The etag that must be the current one; empty for any.</param>
public sealed class DeleteUser(ServiceSid serviceSid, UserKey key, string etag) : Command<UserSid>
{
    private long _serviceId;
    private Identity _identity;
    private TimeSpan _retention;
    private SessionsToEnd _sessions = SessionsToEnd.None;

    internal override void Complete(ITrackedUsers users)
    {
        if (!IsRejected)
            users.Delete(serviceSid, _serviceId, _identity, _retention, _sessions);
        base.Complete(users);
    }

    /// <inheritdoc/>
    public override CommandSubject Subject => new(serviceSid, key);

    internal override ServiceSid? Target => serviceSid;

    private protected override void CollectCore(KeyCollector keys) => keys.User(serviceSid, key);

    private protected override UserSid DecideCore(CommandBatch batch)
    {
        var service = batch.Service(serviceSid);
        var user = CommandBatch.User(service, key);
        if (etag.Length > 0 && etag != user.Etag)
            throw PresenceErrors.EtagMismatch();

        (_serviceId, _identity) = (service.Id, user.Identity);
        _retention = batch.TombstoneRetention;
        _sessions = batch.Tracked.FindSessionsToEnd(serviceSid, _serviceId, _identity, _retention);
        batch.Delete(service, user);
        foreach (var session in _sessions.Dropped)
            service.Rows.RemoveEndedSession(_identity, session);
        foreach (var (session, until) in _sessions.Ended)
            service.Rows.AddEndedSession(_identity, session, until);
        return user.Sid;
    }
}
